SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE SCHEMA inbox;

CREATE SCHEMA registry;

SET default_table_access_method = heap;

CREATE TABLE inbox.alarm_changes (
    change_seq bigint NOT NULL,
    site_code text NOT NULL,
    alarm_id bigint NOT NULL,
    transition text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    value double precision,
    changed_by text,
    CONSTRAINT ck_alarm_changes_transition CHECK ((transition = ANY (ARRAY['raised'::text, 'acknowledged'::text, 'cleared'::text])))
);

COMMENT ON TABLE inbox.alarm_changes IS 'Only ever added to';

COMMENT ON COLUMN inbox.alarm_changes.value IS 'Of the reading that did it';

COMMENT ON COLUMN inbox.alarm_changes.changed_by IS 'Name of the API key that acknowledged';

ALTER TABLE inbox.alarm_changes ALTER COLUMN change_seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME inbox.alarm_changes_change_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE inbox.alarm_states (
    site_code text NOT NULL,
    equipment_code text NOT NULL,
    metric text NOT NULL,
    rule_code text NOT NULL,
    event_time timestamp with time zone,
    started_at timestamp with time zone,
    unmoved double precision,
    is_raised boolean NOT NULL,
    is_normal boolean NOT NULL,
    alarm_id bigint
);

COMMENT ON TABLE inbox.alarm_states IS 'What a rule remembers of a signal; rows are locked to judge by them and never deleted';

COMMENT ON COLUMN inbox.alarm_states.is_normal IS 'A reading that breaks nothing would change nothing';

COMMENT ON COLUMN inbox.alarm_states.alarm_id IS 'The alarm while it is raised';

CREATE TABLE inbox.alarms (
    alarm_id bigint NOT NULL,
    site_code text NOT NULL,
    rule_code text NOT NULL,
    equipment_code text NOT NULL,
    metric text NOT NULL,
    severity text NOT NULL,
    state text NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    raised_value double precision,
    acknowledged_at timestamp with time zone,
    acknowledged_by text,
    cleared_at timestamp with time zone,
    batch_seq bigint,
    CONSTRAINT ck_alarms_state CHECK ((state = ANY (ARRAY['raised'::text, 'acknowledged'::text, 'cleared'::text])))
);

COMMENT ON COLUMN inbox.alarms.severity IS 'The rule''s when the alarm was raised';

COMMENT ON COLUMN inbox.alarms.raised_value IS 'Null: no reading raised it, but silence';

COMMENT ON COLUMN inbox.alarms.acknowledged_by IS 'Name of the API key';

COMMENT ON COLUMN inbox.alarms.batch_seq IS 'The batch that raised it';

ALTER TABLE inbox.alarms ALTER COLUMN alarm_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME inbox.alarms_alarm_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE inbox.api_keys (
    key_id integer NOT NULL,
    name text NOT NULL,
    key_hash bytea NOT NULL,
    site_code text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    equipment_code text,
    requests_per_min integer,
    items_per_min integer,
    expires_at timestamp with time zone,
    rotated_at timestamp with time zone,
    old_key_hash bytea,
    old_key_expires_at timestamp with time zone,
    CONSTRAINT ck_api_keys_items_per_min CHECK ((items_per_min >= 0)),
    CONSTRAINT ck_api_keys_requests_per_min CHECK ((requests_per_min >= 0))
);

COMMENT ON COLUMN inbox.api_keys.key_hash IS 'SHA-256 of the key; the key is never stored';

COMMENT ON COLUMN inbox.api_keys.equipment_code IS 'What items are of that name no equipment';

COMMENT ON COLUMN inbox.api_keys.requests_per_min IS 'Null: the default; 0: unlimited';

COMMENT ON COLUMN inbox.api_keys.items_per_min IS 'Null: the default; 0: unlimited';

COMMENT ON COLUMN inbox.api_keys.old_key_hash IS 'SHA-256 of the key before the last rotation';

ALTER TABLE inbox.api_keys ALTER COLUMN key_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME inbox.api_keys_key_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE inbox.batches (
    batch_seq bigint NOT NULL,
    batch_id uuid NOT NULL,
    site_code text NOT NULL,
    kind text NOT NULL,
    origin text NOT NULL,
    credential text NOT NULL,
    idempotency_key text,
    content_hash bytea NOT NULL,
    format text NOT NULL,
    payload bytea NOT NULL,
    item_count integer NOT NULL,
    accepted_count integer NOT NULL,
    quarantined_count integer NOT NULL,
    is_replay boolean NOT NULL,
    replay_count integer DEFAULT 0 NOT NULL,
    received_at timestamp with time zone NOT NULL,
    equipment_code text,
    CONSTRAINT ck_batches_kind CHECK ((kind = ANY (ARRAY['readings'::text, 'events'::text]))),
    CONSTRAINT ck_batches_origin CHECK ((origin = ANY (ARRAY['push'::text, 'release'::text])))
);
ALTER TABLE ONLY inbox.batches ALTER COLUMN payload SET STORAGE EXTERNAL;

COMMENT ON COLUMN inbox.batches.credential IS 'Name of the API key';

COMMENT ON COLUMN inbox.batches.content_hash IS 'SHA-256 of the body';

COMMENT ON COLUMN inbox.batches.format IS 'Body format, a file in ingestion_api/formats';

COMMENT ON COLUMN inbox.batches.payload IS 'The body as received, zstd';

COMMENT ON COLUMN inbox.batches.is_replay IS 'Sent from a store-and-forward backlog (C48)';

COMMENT ON COLUMN inbox.batches.replay_count IS 'Times the same batch came';

COMMENT ON COLUMN inbox.batches.equipment_code IS 'What items of the payload are of that name no equipment';

ALTER TABLE inbox.batches ALTER COLUMN batch_seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME inbox.batches_batch_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE inbox.last_values (
    site_code text NOT NULL,
    equipment_code text NOT NULL,
    metric text NOT NULL,
    value double precision NOT NULL,
    quality double precision NOT NULL,
    event_time timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE inbox.last_values IS 'The newest reading of each signal by the device''s time; batches from a backlog are left out';

CREATE TABLE inbox.losses (
    loss_id bigint NOT NULL,
    site_code text NOT NULL,
    client_id text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    lost_total bigint NOT NULL,
    credential text NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    reported_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_losses_kind CHECK ((kind = ANY (ARRAY['readings'::text, 'events'::text, 'unknown'::text]))),
    CONSTRAINT ck_losses_lost_total CHECK ((lost_total >= 0))
);

COMMENT ON COLUMN inbox.losses.client_id IS 'Who counts: the UUID of an edge client''s spool';

COMMENT ON COLUMN inbox.losses.lost_total IS 'Items since the client began to count';

COMMENT ON COLUMN inbox.losses.credential IS 'Name of the API key that reported it last';

ALTER TABLE inbox.losses ALTER COLUMN loss_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME inbox.losses_loss_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE inbox.quarantine (
    quarantine_id bigint NOT NULL,
    batch_seq bigint NOT NULL,
    item_index integer NOT NULL,
    site_code text NOT NULL,
    kind text NOT NULL,
    reason_code text NOT NULL,
    detail text NOT NULL,
    item bytea NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    released_batch_seq bigint,
    quarantined_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    CONSTRAINT ck_quarantine_status CHECK ((status = ANY (ARRAY['open'::text, 'released'::text, 'discarded'::text])))
);

COMMENT ON COLUMN inbox.quarantine.item IS 'The original bytes of the item';

ALTER TABLE inbox.quarantine ALTER COLUMN quarantine_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME inbox.quarantine_quarantine_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE inbox.quota_windows (
    subject text NOT NULL,
    unit text NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    used bigint NOT NULL,
    granted bigint NOT NULL,
    CONSTRAINT ck_quota_windows_unit CHECK ((unit = ANY (ARRAY['requests'::text, 'items'::text])))
);

COMMENT ON COLUMN inbox.quota_windows.subject IS 'key:<name> or ip:<address>';

COMMENT ON COLUMN inbox.quota_windows.used IS 'Leased to instances in this window, spent or not';

COMMENT ON COLUMN inbox.quota_windows.granted IS 'What the last lease got';

CREATE TABLE public.alembic_version_api (
    version_num character varying(32) NOT NULL
);

CREATE TABLE registry.alarm_rules (
    site_code text NOT NULL,
    rule_code text NOT NULL,
    name text NOT NULL,
    equipment_class text NOT NULL,
    metric text NOT NULL,
    kind text NOT NULL,
    severity text NOT NULL,
    operator text,
    "limit" double precision,
    duration_s double precision NOT NULL,
    hysteresis double precision NOT NULL,
    is_enabled boolean NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_alarm_rules_kind CHECK ((kind = ANY (ARRAY['limit'::text, 'missing_data'::text, 'flat_line'::text]))),
    CONSTRAINT ck_alarm_rules_operator CHECK ((operator = ANY (ARRAY['>='::text, '>'::text, '<='::text, '<'::text]))),
    CONSTRAINT ck_alarm_rules_severity CHECK ((severity = ANY (ARRAY['critical'::text, 'high'::text, 'medium'::text, 'low'::text])))
);

COMMENT ON COLUMN registry.alarm_rules.equipment_class IS 'Every machine of it is judged by the rule (S0-029)';

COMMENT ON COLUMN registry.alarm_rules.severity IS 'C23';

COMMENT ON COLUMN registry.alarm_rules.operator IS 'How a value breaks the limit; null unless kind is limit (C26)';

COMMENT ON COLUMN registry.alarm_rules."limit" IS 'In the signal''s registered unit; null unless kind is limit';

COMMENT ON COLUMN registry.alarm_rules.duration_s IS 'The condition must hold that long, in the devices'' time';

COMMENT ON COLUMN registry.alarm_rules.hysteresis IS 'How far a value must come back for the alarm to clear';

CREATE TABLE registry.changes (
    change_seq bigint NOT NULL,
    site_code text NOT NULL,
    entity text NOT NULL,
    code text NOT NULL,
    payload jsonb NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN registry.changes.entity IS 'Table name in schema registry';

COMMENT ON COLUMN registry.changes.code IS 'Key below the site; equipment_code/metric for signals';

COMMENT ON COLUMN registry.changes.changed_by IS 'Name of the API key';

ALTER TABLE registry.changes ALTER COLUMN change_seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME registry.changes_change_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE registry.equipment (
    site_code text NOT NULL,
    equipment_code text NOT NULL,
    name text NOT NULL,
    equipment_class text NOT NULL,
    work_unit_code text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE registry.shifts (
    site_code text NOT NULL,
    shift_code text NOT NULL,
    name text NOT NULL,
    starts_at_local text NOT NULL,
    ends_at_local text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN registry.shifts.starts_at_local IS 'HH:MM in the site''s time zone';

COMMENT ON COLUMN registry.shifts.ends_at_local IS 'HH:MM; earlier than the start means the next day';

CREATE TABLE registry.signals (
    site_code text NOT NULL,
    equipment_code text NOT NULL,
    metric text NOT NULL,
    unit_code text,
    low_limit double precision,
    high_limit double precision,
    is_reviewed boolean DEFAULT false NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN registry.signals.unit_code IS 'UCUM';

COMMENT ON COLUMN registry.signals.low_limit IS 'Lowest physically plausible value, in unit_code';

COMMENT ON COLUMN registry.signals.high_limit IS 'Highest physically plausible value, in unit_code';

CREATE TABLE registry.sites (
    site_code text NOT NULL,
    name text NOT NULL,
    time_zone text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN registry.sites.time_zone IS 'IANA name, such as Europe/Berlin';

CREATE TABLE registry.work_centers (
    site_code text NOT NULL,
    work_center_code text NOT NULL,
    name text NOT NULL,
    area_code text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE registry.work_units (
    site_code text NOT NULL,
    work_unit_code text NOT NULL,
    name text NOT NULL,
    work_center_code text,
    target_units_per_h double precision,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN registry.work_units.target_units_per_h IS 'Production target, units per hour (S1-030)';

CREATE TABLE registry.workers (
    site_code text NOT NULL,
    worker_code text NOT NULL,
    department text,
    shift_code text,
    active_since timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

INSERT INTO inbox.alarm_changes (change_seq, site_code, alarm_id, transition, changed_at, value, changed_by) OVERRIDING SYSTEM VALUE VALUES (1, 'site_code-1', 1, 'raised', '2026-03-01 07:00:00+00', 1.5, 'changed_by-1');
INSERT INTO inbox.alarm_changes (change_seq, site_code, alarm_id, transition, changed_at, value, changed_by) OVERRIDING SYSTEM VALUE VALUES (2, 'site_code-2', 2, 'raised', '2026-03-01 08:00:00+00', 2.5, 'changed_by-2');
INSERT INTO inbox.alarm_changes (change_seq, site_code, alarm_id, transition, changed_at, value, changed_by) OVERRIDING SYSTEM VALUE VALUES (3, 'site_code-3', 3, 'raised', '2026-03-01 09:00:00+00', 3.5, 'changed_by-3');

INSERT INTO inbox.alarm_states (site_code, equipment_code, metric, rule_code, event_time, started_at, unmoved, is_raised, is_normal, alarm_id) VALUES ('site_code-1', 'equipment_code-1', 'metric-1', 'rule_code-1', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00', 1.5, false, false, 1);
INSERT INTO inbox.alarm_states (site_code, equipment_code, metric, rule_code, event_time, started_at, unmoved, is_raised, is_normal, alarm_id) VALUES ('site_code-2', 'equipment_code-2', 'metric-2', 'rule_code-2', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00', 2.5, false, false, 2);
INSERT INTO inbox.alarm_states (site_code, equipment_code, metric, rule_code, event_time, started_at, unmoved, is_raised, is_normal, alarm_id) VALUES ('site_code-3', 'equipment_code-3', 'metric-3', 'rule_code-3', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00', 3.5, false, false, 3);

INSERT INTO inbox.alarms (alarm_id, site_code, rule_code, equipment_code, metric, severity, state, raised_at, raised_value, acknowledged_at, acknowledged_by, cleared_at, batch_seq) OVERRIDING SYSTEM VALUE VALUES (1, 'site_code-1', 'rule_code-1', 'equipment_code-1', 'metric-1', 'high', 'raised', '2026-03-01 07:00:00+00', 1.5, '2026-03-01 07:00:00+00', 'acknowledged_by-1', '2026-03-01 07:00:00+00', 1);
INSERT INTO inbox.alarms (alarm_id, site_code, rule_code, equipment_code, metric, severity, state, raised_at, raised_value, acknowledged_at, acknowledged_by, cleared_at, batch_seq) OVERRIDING SYSTEM VALUE VALUES (2, 'site_code-2', 'rule_code-2', 'equipment_code-2', 'metric-2', 'high', 'raised', '2026-03-01 08:00:00+00', 2.5, '2026-03-01 08:00:00+00', 'acknowledged_by-2', '2026-03-01 08:00:00+00', 2);
INSERT INTO inbox.alarms (alarm_id, site_code, rule_code, equipment_code, metric, severity, state, raised_at, raised_value, acknowledged_at, acknowledged_by, cleared_at, batch_seq) OVERRIDING SYSTEM VALUE VALUES (3, 'site_code-3', 'rule_code-3', 'equipment_code-3', 'metric-3', 'high', 'raised', '2026-03-01 09:00:00+00', 3.5, '2026-03-01 09:00:00+00', 'acknowledged_by-3', '2026-03-01 09:00:00+00', 3);

INSERT INTO inbox.api_keys (key_id, name, key_hash, site_code, scopes, created_at, revoked_at, last_used_at, equipment_code, requests_per_min, items_per_min, expires_at, rotated_at, old_key_hash, old_key_expires_at) OVERRIDING SYSTEM VALUE VALUES (1, 'name-1', '\x6170695f6b6579732d6b65795f686173682d31', 'site_code-1', '{push,pull}', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00', 'equipment_code-1', 1, 1, '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00', '\x6170695f6b6579732d6f6c645f6b65795f686173682d31', '2026-03-01 07:00:00+00');
INSERT INTO inbox.api_keys (key_id, name, key_hash, site_code, scopes, created_at, revoked_at, last_used_at, equipment_code, requests_per_min, items_per_min, expires_at, rotated_at, old_key_hash, old_key_expires_at) OVERRIDING SYSTEM VALUE VALUES (2, 'name-2', '\x6170695f6b6579732d6b65795f686173682d32', 'site_code-2', '{push,pull}', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00', 'equipment_code-2', 2, 2, '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00', '\x6170695f6b6579732d6f6c645f6b65795f686173682d32', '2026-03-01 08:00:00+00');
INSERT INTO inbox.api_keys (key_id, name, key_hash, site_code, scopes, created_at, revoked_at, last_used_at, equipment_code, requests_per_min, items_per_min, expires_at, rotated_at, old_key_hash, old_key_expires_at) OVERRIDING SYSTEM VALUE VALUES (3, 'name-3', '\x6170695f6b6579732d6b65795f686173682d33', 'site_code-3', '{push,pull}', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00', 'equipment_code-3', 3, 3, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00', '\x6170695f6b6579732d6f6c645f6b65795f686173682d33', '2026-03-01 09:00:00+00');

INSERT INTO inbox.batches (batch_seq, batch_id, site_code, kind, origin, credential, idempotency_key, content_hash, format, payload, item_count, accepted_count, quarantined_count, is_replay, replay_count, received_at, equipment_code) OVERRIDING SYSTEM VALUE VALUES (1, '00000000-0000-0000-0000-000000000001', 'site_code-1', 'readings', 'push', 'credential-1', 'idempotency_key-1', '\x626174636865732d636f6e74656e745f686173682d31', 'format-1', '\x626174636865732d7061796c6f61642d31', 1, 1, 1, false, 1, '2026-03-01 07:00:00+00', 'equipment_code-1');
INSERT INTO inbox.batches (batch_seq, batch_id, site_code, kind, origin, credential, idempotency_key, content_hash, format, payload, item_count, accepted_count, quarantined_count, is_replay, replay_count, received_at, equipment_code) OVERRIDING SYSTEM VALUE VALUES (2, '00000000-0000-0000-0000-000000000002', 'site_code-2', 'readings', 'push', 'credential-2', 'idempotency_key-2', '\x626174636865732d636f6e74656e745f686173682d32', 'format-2', '\x626174636865732d7061796c6f61642d32', 2, 2, 2, false, 2, '2026-03-01 08:00:00+00', 'equipment_code-2');
INSERT INTO inbox.batches (batch_seq, batch_id, site_code, kind, origin, credential, idempotency_key, content_hash, format, payload, item_count, accepted_count, quarantined_count, is_replay, replay_count, received_at, equipment_code) OVERRIDING SYSTEM VALUE VALUES (3, '00000000-0000-0000-0000-000000000003', 'site_code-3', 'readings', 'push', 'credential-3', 'idempotency_key-3', '\x626174636865732d636f6e74656e745f686173682d33', 'format-3', '\x626174636865732d7061796c6f61642d33', 3, 3, 3, false, 3, '2026-03-01 09:00:00+00', 'equipment_code-3');

INSERT INTO inbox.last_values (site_code, equipment_code, metric, value, quality, event_time, received_at) VALUES ('site_code-1', 'equipment_code-1', 'metric-1', 1.5, 1.5, '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO inbox.last_values (site_code, equipment_code, metric, value, quality, event_time, received_at) VALUES ('site_code-2', 'equipment_code-2', 'metric-2', 2.5, 2.5, '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO inbox.last_values (site_code, equipment_code, metric, value, quality, event_time, received_at) VALUES ('site_code-3', 'equipment_code-3', 'metric-3', 3.5, 3.5, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO inbox.losses (loss_id, site_code, client_id, kind, reason, lost_total, credential, first_at, last_at, reported_at) OVERRIDING SYSTEM VALUE VALUES (1, 'site_code-1', 'client_id-1', 'readings', 'reason-1', 1, 'credential-1', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO inbox.losses (loss_id, site_code, client_id, kind, reason, lost_total, credential, first_at, last_at, reported_at) OVERRIDING SYSTEM VALUE VALUES (2, 'site_code-2', 'client_id-2', 'readings', 'reason-2', 2, 'credential-2', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO inbox.losses (loss_id, site_code, client_id, kind, reason, lost_total, credential, first_at, last_at, reported_at) OVERRIDING SYSTEM VALUE VALUES (3, 'site_code-3', 'client_id-3', 'readings', 'reason-3', 3, 'credential-3', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO inbox.quarantine (quarantine_id, batch_seq, item_index, site_code, kind, reason_code, detail, item, status, released_batch_seq, quarantined_at, resolved_at) OVERRIDING SYSTEM VALUE VALUES (1, 1, 1, 'site_code-1', 'readings', 'reason_code-1', 'detail-1', '\x71756172616e74696e652d6974656d2d31', 'open', 1, '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO inbox.quarantine (quarantine_id, batch_seq, item_index, site_code, kind, reason_code, detail, item, status, released_batch_seq, quarantined_at, resolved_at) OVERRIDING SYSTEM VALUE VALUES (2, 2, 2, 'site_code-2', 'readings', 'reason_code-2', 'detail-2', '\x71756172616e74696e652d6974656d2d32', 'open', 2, '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO inbox.quarantine (quarantine_id, batch_seq, item_index, site_code, kind, reason_code, detail, item, status, released_batch_seq, quarantined_at, resolved_at) OVERRIDING SYSTEM VALUE VALUES (3, 3, 3, 'site_code-3', 'readings', 'reason_code-3', 'detail-3', '\x71756172616e74696e652d6974656d2d33', 'open', 3, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO inbox.quota_windows (subject, unit, ends_at, used, granted) VALUES ('subject-1', 'requests', '2026-03-01 07:00:00+00', 1, 1);
INSERT INTO inbox.quota_windows (subject, unit, ends_at, used, granted) VALUES ('subject-2', 'requests', '2026-03-01 08:00:00+00', 2, 2);
INSERT INTO inbox.quota_windows (subject, unit, ends_at, used, granted) VALUES ('subject-3', 'requests', '2026-03-01 09:00:00+00', 3, 3);

INSERT INTO public.alembic_version_api (version_num) VALUES ('api_0007');

INSERT INTO registry.alarm_rules (site_code, rule_code, name, equipment_class, metric, kind, severity, operator, "limit", duration_s, hysteresis, is_enabled, updated_at) VALUES ('site_code-1', 'rule_code-1', 'name-1', 'equipment_class-1', 'metric-1', 'limit', 'high', '>=', 1.5, 1.5, 1.5, false, '2026-03-01 07:00:00+00');
INSERT INTO registry.alarm_rules (site_code, rule_code, name, equipment_class, metric, kind, severity, operator, "limit", duration_s, hysteresis, is_enabled, updated_at) VALUES ('site_code-2', 'rule_code-2', 'name-2', 'equipment_class-2', 'metric-2', 'limit', 'high', '>=', 2.5, 2.5, 2.5, false, '2026-03-01 08:00:00+00');
INSERT INTO registry.alarm_rules (site_code, rule_code, name, equipment_class, metric, kind, severity, operator, "limit", duration_s, hysteresis, is_enabled, updated_at) VALUES ('site_code-3', 'rule_code-3', 'name-3', 'equipment_class-3', 'metric-3', 'limit', 'high', '>=', 3.5, 3.5, 3.5, false, '2026-03-01 09:00:00+00');

INSERT INTO registry.changes (change_seq, site_code, entity, code, payload, changed_by, changed_at) OVERRIDING SYSTEM VALUE VALUES (1, 'site_code-1', 'entity-1', 'code-1', '{"row": 1}', 'changed_by-1', '2026-03-01 07:00:00+00');
INSERT INTO registry.changes (change_seq, site_code, entity, code, payload, changed_by, changed_at) OVERRIDING SYSTEM VALUE VALUES (2, 'site_code-2', 'entity-2', 'code-2', '{"row": 2}', 'changed_by-2', '2026-03-01 08:00:00+00');
INSERT INTO registry.changes (change_seq, site_code, entity, code, payload, changed_by, changed_at) OVERRIDING SYSTEM VALUE VALUES (3, 'site_code-3', 'entity-3', 'code-3', '{"row": 3}', 'changed_by-3', '2026-03-01 09:00:00+00');

INSERT INTO registry.equipment (site_code, equipment_code, name, equipment_class, work_unit_code, updated_at) VALUES ('site_code-1', 'equipment_code-1', 'name-1', 'equipment_class-1', 'work_unit_code-1', '2026-03-01 07:00:00+00');
INSERT INTO registry.equipment (site_code, equipment_code, name, equipment_class, work_unit_code, updated_at) VALUES ('site_code-2', 'equipment_code-2', 'name-2', 'equipment_class-2', 'work_unit_code-2', '2026-03-01 08:00:00+00');
INSERT INTO registry.equipment (site_code, equipment_code, name, equipment_class, work_unit_code, updated_at) VALUES ('site_code-3', 'equipment_code-3', 'name-3', 'equipment_class-3', 'work_unit_code-3', '2026-03-01 09:00:00+00');

INSERT INTO registry.shifts (site_code, shift_code, name, starts_at_local, ends_at_local, updated_at) VALUES ('site_code-1', 'shift_code-1', 'name-1', 'starts_at_local-1', 'ends_at_local-1', '2026-03-01 07:00:00+00');
INSERT INTO registry.shifts (site_code, shift_code, name, starts_at_local, ends_at_local, updated_at) VALUES ('site_code-2', 'shift_code-2', 'name-2', 'starts_at_local-2', 'ends_at_local-2', '2026-03-01 08:00:00+00');
INSERT INTO registry.shifts (site_code, shift_code, name, starts_at_local, ends_at_local, updated_at) VALUES ('site_code-3', 'shift_code-3', 'name-3', 'starts_at_local-3', 'ends_at_local-3', '2026-03-01 09:00:00+00');

INSERT INTO registry.signals (site_code, equipment_code, metric, unit_code, low_limit, high_limit, is_reviewed, updated_at) VALUES ('site_code-1', 'equipment_code-1', 'metric-1', 'unit_code-1', 1.5, 1.5, false, '2026-03-01 07:00:00+00');
INSERT INTO registry.signals (site_code, equipment_code, metric, unit_code, low_limit, high_limit, is_reviewed, updated_at) VALUES ('site_code-2', 'equipment_code-2', 'metric-2', 'unit_code-2', 2.5, 2.5, false, '2026-03-01 08:00:00+00');
INSERT INTO registry.signals (site_code, equipment_code, metric, unit_code, low_limit, high_limit, is_reviewed, updated_at) VALUES ('site_code-3', 'equipment_code-3', 'metric-3', 'unit_code-3', 3.5, 3.5, false, '2026-03-01 09:00:00+00');

INSERT INTO registry.sites (site_code, name, time_zone, updated_at) VALUES ('site_code-1', 'name-1', 'Europe/Berlin', '2026-03-01 07:00:00+00');
INSERT INTO registry.sites (site_code, name, time_zone, updated_at) VALUES ('site_code-2', 'name-2', 'Europe/Berlin', '2026-03-01 08:00:00+00');
INSERT INTO registry.sites (site_code, name, time_zone, updated_at) VALUES ('site_code-3', 'name-3', 'Europe/Berlin', '2026-03-01 09:00:00+00');

INSERT INTO registry.work_centers (site_code, work_center_code, name, area_code, updated_at) VALUES ('site_code-1', 'work_center_code-1', 'name-1', 'area_code-1', '2026-03-01 07:00:00+00');
INSERT INTO registry.work_centers (site_code, work_center_code, name, area_code, updated_at) VALUES ('site_code-2', 'work_center_code-2', 'name-2', 'area_code-2', '2026-03-01 08:00:00+00');
INSERT INTO registry.work_centers (site_code, work_center_code, name, area_code, updated_at) VALUES ('site_code-3', 'work_center_code-3', 'name-3', 'area_code-3', '2026-03-01 09:00:00+00');

INSERT INTO registry.work_units (site_code, work_unit_code, name, work_center_code, target_units_per_h, updated_at) VALUES ('site_code-1', 'work_unit_code-1', 'name-1', 'work_center_code-1', 1.5, '2026-03-01 07:00:00+00');
INSERT INTO registry.work_units (site_code, work_unit_code, name, work_center_code, target_units_per_h, updated_at) VALUES ('site_code-2', 'work_unit_code-2', 'name-2', 'work_center_code-2', 2.5, '2026-03-01 08:00:00+00');
INSERT INTO registry.work_units (site_code, work_unit_code, name, work_center_code, target_units_per_h, updated_at) VALUES ('site_code-3', 'work_unit_code-3', 'name-3', 'work_center_code-3', 3.5, '2026-03-01 09:00:00+00');

INSERT INTO registry.workers (site_code, worker_code, department, shift_code, active_since, updated_at) VALUES ('site_code-1', 'worker_code-1', 'department-1', 'shift_code-1', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO registry.workers (site_code, worker_code, department, shift_code, active_since, updated_at) VALUES ('site_code-2', 'worker_code-2', 'department-2', 'shift_code-2', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO registry.workers (site_code, worker_code, department, shift_code, active_since, updated_at) VALUES ('site_code-3', 'worker_code-3', 'department-3', 'shift_code-3', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

SELECT pg_catalog.setval('inbox.alarm_changes_change_seq_seq', 3, true);

SELECT pg_catalog.setval('inbox.alarms_alarm_id_seq', 3, true);

SELECT pg_catalog.setval('inbox.api_keys_key_id_seq', 3, true);

SELECT pg_catalog.setval('inbox.batches_batch_seq_seq', 3, true);

SELECT pg_catalog.setval('inbox.losses_loss_id_seq', 3, true);

SELECT pg_catalog.setval('inbox.quarantine_quarantine_id_seq', 3, true);

SELECT pg_catalog.setval('registry.changes_change_seq_seq', 3, true);

ALTER TABLE ONLY inbox.alarm_changes
    ADD CONSTRAINT pk_alarm_changes PRIMARY KEY (change_seq);

ALTER TABLE ONLY inbox.alarm_states
    ADD CONSTRAINT pk_alarm_states PRIMARY KEY (site_code, equipment_code, metric, rule_code);

ALTER TABLE ONLY inbox.alarms
    ADD CONSTRAINT pk_alarms PRIMARY KEY (alarm_id);

ALTER TABLE ONLY inbox.api_keys
    ADD CONSTRAINT pk_api_keys PRIMARY KEY (key_id);

ALTER TABLE ONLY inbox.batches
    ADD CONSTRAINT pk_batches PRIMARY KEY (batch_seq);

ALTER TABLE ONLY inbox.last_values
    ADD CONSTRAINT pk_last_values PRIMARY KEY (site_code, equipment_code, metric);

ALTER TABLE ONLY inbox.losses
    ADD CONSTRAINT pk_losses PRIMARY KEY (loss_id);

ALTER TABLE ONLY inbox.quarantine
    ADD CONSTRAINT pk_quarantine PRIMARY KEY (quarantine_id);

ALTER TABLE ONLY inbox.quota_windows
    ADD CONSTRAINT pk_quota_windows PRIMARY KEY (subject, unit);

ALTER TABLE ONLY inbox.api_keys
    ADD CONSTRAINT uq_api_keys_key_hash UNIQUE (key_hash);

ALTER TABLE ONLY inbox.api_keys
    ADD CONSTRAINT uq_api_keys_name UNIQUE (name);

ALTER TABLE ONLY inbox.api_keys
    ADD CONSTRAINT uq_api_keys_old_key_hash UNIQUE (old_key_hash);

ALTER TABLE ONLY inbox.batches
    ADD CONSTRAINT uq_batches_batch_id UNIQUE (batch_id);

ALTER TABLE ONLY inbox.batches
    ADD CONSTRAINT uq_batches_site_code_credential_idempotency_key UNIQUE (site_code, credential, idempotency_key);

ALTER TABLE ONLY inbox.batches
    ADD CONSTRAINT uq_batches_site_code_kind_content_hash UNIQUE (site_code, kind, content_hash);

ALTER TABLE ONLY inbox.losses
    ADD CONSTRAINT uq_losses_site_code_client_id_kind_reason UNIQUE (site_code, client_id, kind, reason);

ALTER TABLE ONLY inbox.quarantine
    ADD CONSTRAINT uq_quarantine_batch_seq_item_index UNIQUE (batch_seq, item_index);

ALTER TABLE ONLY public.alembic_version_api
    ADD CONSTRAINT alembic_version_api_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY registry.alarm_rules
    ADD CONSTRAINT pk_alarm_rules PRIMARY KEY (site_code, rule_code);

ALTER TABLE ONLY registry.changes
    ADD CONSTRAINT pk_changes PRIMARY KEY (change_seq);

ALTER TABLE ONLY registry.equipment
    ADD CONSTRAINT pk_equipment PRIMARY KEY (site_code, equipment_code);

ALTER TABLE ONLY registry.shifts
    ADD CONSTRAINT pk_shifts PRIMARY KEY (site_code, shift_code);

ALTER TABLE ONLY registry.signals
    ADD CONSTRAINT pk_signals PRIMARY KEY (site_code, equipment_code, metric);

ALTER TABLE ONLY registry.sites
    ADD CONSTRAINT pk_sites PRIMARY KEY (site_code);

ALTER TABLE ONLY registry.work_centers
    ADD CONSTRAINT pk_work_centers PRIMARY KEY (site_code, work_center_code);

ALTER TABLE ONLY registry.work_units
    ADD CONSTRAINT pk_work_units PRIMARY KEY (site_code, work_unit_code);

ALTER TABLE ONLY registry.workers
    ADD CONSTRAINT pk_workers PRIMARY KEY (site_code, worker_code);

CREATE INDEX ix_alarm_changes_alarm_id ON inbox.alarm_changes USING btree (alarm_id);

CREATE INDEX ix_alarm_changes_site_code_change_seq ON inbox.alarm_changes USING btree (site_code, change_seq);

CREATE INDEX ix_alarm_states_not_normal ON inbox.alarm_states USING btree (site_code) WHERE (NOT is_normal);

CREATE INDEX ix_alarms_raised_at ON inbox.alarms USING btree (raised_at);

CREATE INDEX ix_alarms_severity ON inbox.alarms USING btree (severity);

CREATE INDEX ix_alarms_site_code_state ON inbox.alarms USING btree (site_code, state);

CREATE INDEX ix_batches_site_code_kind_batch_seq ON inbox.batches USING btree (site_code, kind, batch_seq);

CREATE INDEX ix_quarantine_released_batch_seq ON inbox.quarantine USING btree (released_batch_seq);

CREATE INDEX ix_quarantine_site_code_status_reason_code ON inbox.quarantine USING btree (site_code, status, reason_code);

CREATE INDEX ix_changes_site_code_change_seq ON registry.changes USING btree (site_code, change_seq);

ALTER TABLE ONLY inbox.alarm_changes
    ADD CONSTRAINT fk_alarm_changes_alarm_id FOREIGN KEY (alarm_id) REFERENCES inbox.alarms(alarm_id);

ALTER TABLE ONLY inbox.batches
    ADD CONSTRAINT fk_batches_site_code FOREIGN KEY (site_code) REFERENCES registry.sites(site_code);

ALTER TABLE ONLY inbox.quarantine
    ADD CONSTRAINT fk_quarantine_batch_seq FOREIGN KEY (batch_seq) REFERENCES inbox.batches(batch_seq);

ALTER TABLE ONLY inbox.quarantine
    ADD CONSTRAINT fk_quarantine_released_batch_seq FOREIGN KEY (released_batch_seq) REFERENCES inbox.batches(batch_seq);

ALTER TABLE ONLY registry.alarm_rules
    ADD CONSTRAINT fk_alarm_rules_site_code FOREIGN KEY (site_code) REFERENCES registry.sites(site_code);

ALTER TABLE ONLY registry.changes
    ADD CONSTRAINT fk_changes_site_code FOREIGN KEY (site_code) REFERENCES registry.sites(site_code);

ALTER TABLE ONLY registry.equipment
    ADD CONSTRAINT fk_equipment_site_code FOREIGN KEY (site_code) REFERENCES registry.sites(site_code);

ALTER TABLE ONLY registry.shifts
    ADD CONSTRAINT fk_shifts_site_code FOREIGN KEY (site_code) REFERENCES registry.sites(site_code);

ALTER TABLE ONLY registry.signals
    ADD CONSTRAINT fk_signals_site_code_equipment_code FOREIGN KEY (site_code, equipment_code) REFERENCES registry.equipment(site_code, equipment_code);

ALTER TABLE ONLY registry.work_centers
    ADD CONSTRAINT fk_work_centers_site_code FOREIGN KEY (site_code) REFERENCES registry.sites(site_code);

ALTER TABLE ONLY registry.work_units
    ADD CONSTRAINT fk_work_units_site_code FOREIGN KEY (site_code) REFERENCES registry.sites(site_code);

ALTER TABLE ONLY registry.workers
    ADD CONSTRAINT fk_workers_site_code FOREIGN KEY (site_code) REFERENCES registry.sites(site_code);
