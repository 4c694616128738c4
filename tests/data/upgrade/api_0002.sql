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

CREATE TABLE inbox.api_keys (
    key_id integer NOT NULL,
    name text NOT NULL,
    key_hash bytea NOT NULL,
    site_code text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone
);

COMMENT ON COLUMN inbox.api_keys.key_hash IS 'SHA-256 of the key; the key is never stored';

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
    CONSTRAINT ck_batches_kind CHECK ((kind = ANY (ARRAY['readings'::text, 'events'::text]))),
    CONSTRAINT ck_batches_origin CHECK ((origin = ANY (ARRAY['push'::text, 'release'::text])))
);

COMMENT ON COLUMN inbox.batches.credential IS 'Name of the API key';

COMMENT ON COLUMN inbox.batches.content_hash IS 'SHA-256 of the body';

COMMENT ON COLUMN inbox.batches.format IS 'Body format, a file in ingestion_api/formats';

COMMENT ON COLUMN inbox.batches.payload IS 'The body as received, zstd';

COMMENT ON COLUMN inbox.batches.is_replay IS 'Sent from a store-and-forward backlog (C48)';

COMMENT ON COLUMN inbox.batches.replay_count IS 'Times the same batch came';

ALTER TABLE inbox.batches ALTER COLUMN batch_seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME inbox.batches_batch_seq_seq
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

CREATE TABLE public.alembic_version_api (
    version_num character varying(32) NOT NULL
);

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

INSERT INTO inbox.api_keys (key_id, name, key_hash, site_code, scopes, created_at, revoked_at, last_used_at) OVERRIDING SYSTEM VALUE VALUES (1, 'name-1', '\x6170695f6b6579732d6b65795f686173682d31', 'site_code-1', '{push,pull}', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO inbox.api_keys (key_id, name, key_hash, site_code, scopes, created_at, revoked_at, last_used_at) OVERRIDING SYSTEM VALUE VALUES (2, 'name-2', '\x6170695f6b6579732d6b65795f686173682d32', 'site_code-2', '{push,pull}', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO inbox.api_keys (key_id, name, key_hash, site_code, scopes, created_at, revoked_at, last_used_at) OVERRIDING SYSTEM VALUE VALUES (3, 'name-3', '\x6170695f6b6579732d6b65795f686173682d33', 'site_code-3', '{push,pull}', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO inbox.batches (batch_seq, batch_id, site_code, kind, origin, credential, idempotency_key, content_hash, format, payload, item_count, accepted_count, quarantined_count, is_replay, replay_count, received_at) OVERRIDING SYSTEM VALUE VALUES (1, '00000000-0000-0000-0000-000000000001', 'site_code-1', 'readings', 'push', 'credential-1', 'idempotency_key-1', '\x626174636865732d636f6e74656e745f686173682d31', 'format-1', '\x626174636865732d7061796c6f61642d31', 1, 1, 1, false, 1, '2026-03-01 07:00:00+00');
INSERT INTO inbox.batches (batch_seq, batch_id, site_code, kind, origin, credential, idempotency_key, content_hash, format, payload, item_count, accepted_count, quarantined_count, is_replay, replay_count, received_at) OVERRIDING SYSTEM VALUE VALUES (2, '00000000-0000-0000-0000-000000000002', 'site_code-2', 'readings', 'push', 'credential-2', 'idempotency_key-2', '\x626174636865732d636f6e74656e745f686173682d32', 'format-2', '\x626174636865732d7061796c6f61642d32', 2, 2, 2, false, 2, '2026-03-01 08:00:00+00');
INSERT INTO inbox.batches (batch_seq, batch_id, site_code, kind, origin, credential, idempotency_key, content_hash, format, payload, item_count, accepted_count, quarantined_count, is_replay, replay_count, received_at) OVERRIDING SYSTEM VALUE VALUES (3, '00000000-0000-0000-0000-000000000003', 'site_code-3', 'readings', 'push', 'credential-3', 'idempotency_key-3', '\x626174636865732d636f6e74656e745f686173682d33', 'format-3', '\x626174636865732d7061796c6f61642d33', 3, 3, 3, false, 3, '2026-03-01 09:00:00+00');

INSERT INTO inbox.quarantine (quarantine_id, batch_seq, item_index, site_code, kind, reason_code, detail, item, status, released_batch_seq, quarantined_at, resolved_at) OVERRIDING SYSTEM VALUE VALUES (1, 1, 1, 'site_code-1', 'readings', 'reason_code-1', 'detail-1', '\x71756172616e74696e652d6974656d2d31', 'open', 1, '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO inbox.quarantine (quarantine_id, batch_seq, item_index, site_code, kind, reason_code, detail, item, status, released_batch_seq, quarantined_at, resolved_at) OVERRIDING SYSTEM VALUE VALUES (2, 2, 2, 'site_code-2', 'readings', 'reason_code-2', 'detail-2', '\x71756172616e74696e652d6974656d2d32', 'open', 2, '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO inbox.quarantine (quarantine_id, batch_seq, item_index, site_code, kind, reason_code, detail, item, status, released_batch_seq, quarantined_at, resolved_at) OVERRIDING SYSTEM VALUE VALUES (3, 3, 3, 'site_code-3', 'readings', 'reason_code-3', 'detail-3', '\x71756172616e74696e652d6974656d2d33', 'open', 3, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO public.alembic_version_api (version_num) VALUES ('api_0002');

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

SELECT pg_catalog.setval('inbox.api_keys_key_id_seq', 3, true);

SELECT pg_catalog.setval('inbox.batches_batch_seq_seq', 3, true);

SELECT pg_catalog.setval('inbox.quarantine_quarantine_id_seq', 3, true);

SELECT pg_catalog.setval('registry.changes_change_seq_seq', 3, true);

ALTER TABLE ONLY inbox.api_keys
    ADD CONSTRAINT pk_api_keys PRIMARY KEY (key_id);

ALTER TABLE ONLY inbox.batches
    ADD CONSTRAINT pk_batches PRIMARY KEY (batch_seq);

ALTER TABLE ONLY inbox.quarantine
    ADD CONSTRAINT pk_quarantine PRIMARY KEY (quarantine_id);

ALTER TABLE ONLY inbox.api_keys
    ADD CONSTRAINT uq_api_keys_key_hash UNIQUE (key_hash);

ALTER TABLE ONLY inbox.api_keys
    ADD CONSTRAINT uq_api_keys_name UNIQUE (name);

ALTER TABLE ONLY inbox.batches
    ADD CONSTRAINT uq_batches_batch_id UNIQUE (batch_id);

ALTER TABLE ONLY inbox.batches
    ADD CONSTRAINT uq_batches_site_code_credential_idempotency_key UNIQUE (site_code, credential, idempotency_key);

ALTER TABLE ONLY inbox.batches
    ADD CONSTRAINT uq_batches_site_code_kind_content_hash UNIQUE (site_code, kind, content_hash);

ALTER TABLE ONLY inbox.quarantine
    ADD CONSTRAINT uq_quarantine_batch_seq_item_index UNIQUE (batch_seq, item_index);

ALTER TABLE ONLY public.alembic_version_api
    ADD CONSTRAINT alembic_version_api_pkc PRIMARY KEY (version_num);

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

CREATE INDEX ix_batches_site_code_kind_batch_seq ON inbox.batches USING btree (site_code, kind, batch_seq);

CREATE INDEX ix_quarantine_released_batch_seq ON inbox.quarantine USING btree (released_batch_seq);

CREATE INDEX ix_quarantine_site_code_status_reason_code ON inbox.quarantine USING btree (site_code, status, reason_code);

CREATE INDEX ix_changes_site_code_change_seq ON registry.changes USING btree (site_code, change_seq);

ALTER TABLE ONLY inbox.batches
    ADD CONSTRAINT fk_batches_site_code FOREIGN KEY (site_code) REFERENCES registry.sites(site_code);

ALTER TABLE ONLY inbox.quarantine
    ADD CONSTRAINT fk_quarantine_batch_seq FOREIGN KEY (batch_seq) REFERENCES inbox.batches(batch_seq);

ALTER TABLE ONLY inbox.quarantine
    ADD CONSTRAINT fk_quarantine_released_batch_seq FOREIGN KEY (released_batch_seq) REFERENCES inbox.batches(batch_seq);

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
