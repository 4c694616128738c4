-- The ingestion API's database, written by `make schema-docs` from the migrations and `warehouse/tables`; change those.

CREATE SCHEMA inbox;

CREATE SCHEMA registry;

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
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    is_worker_ranking_allowed boolean DEFAULT false NOT NULL
);

COMMENT ON COLUMN registry.sites.time_zone IS 'IANA name, such as Europe/Berlin';

COMMENT ON COLUMN registry.sites.is_worker_ranking_allowed IS 'Whether workers may be ranked by output (C39)';

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
