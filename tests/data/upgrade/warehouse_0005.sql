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

CREATE SCHEMA intermediate;

CREATE SCHEMA marts;

CREATE SCHEMA ml;

CREATE SCHEMA ops;

CREATE SCHEMA raw;

CREATE SCHEMA seeds;

CREATE SCHEMA staging;

SET default_table_access_method = heap;

CREATE TABLE ml.anomalies (
    site_code text NOT NULL,
    equipment_code text NOT NULL,
    model_name text NOT NULL,
    model_version integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    peak_score double precision NOT NULL,
    threshold double precision NOT NULL,
    sensor_shares jsonb NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE ml.anomalies IS 'One row per run of consecutive anomalous windows.';

COMMENT ON COLUMN ml.anomalies.sensor_shares IS 'metric: share of the peak score, sums to 1';

CREATE TABLE ml.drift_episodes (
    episode_id text NOT NULL,
    stream text NOT NULL,
    site_code text NOT NULL,
    equipment_class text NOT NULL,
    detected_at timestamp with time zone NOT NULL,
    band text NOT NULL,
    mean_before double precision NOT NULL,
    mean_after double precision NOT NULL,
    sample_count bigint NOT NULL,
    recovered_at timestamp with time zone,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN ml.drift_episodes.episode_id IS 'stream:site:equipment class:detected hour';

COMMENT ON COLUMN ml.drift_episodes.stream IS 'edge_classifier or champion';

COMMENT ON COLUMN ml.drift_episodes.equipment_class IS 'Whose model is retrained';

COMMENT ON COLUMN ml.drift_episodes.band IS 'healthy, warning or critical (S1-059..061)';

CREATE TABLE ml.promotions (
    promotion_id bigint NOT NULL,
    model_name text NOT NULL,
    challenger_version integer NOT NULL,
    champion_version integer,
    is_promoted boolean NOT NULL,
    reason text NOT NULL,
    trigger text NOT NULL,
    episode_id text,
    metrics jsonb NOT NULL,
    mlflow_run_id text NOT NULL,
    dagster_run_id text,
    decided_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE ml.promotions IS 'The promotion ledger: every challenger and why it was or was not promoted, and every rollback.';

COMMENT ON COLUMN ml.promotions.champion_version IS 'Champion at the time of the decision; NULL: none';

COMMENT ON COLUMN ml.promotions.trigger IS 'initial, schedule, drift, manual or rollback';

ALTER TABLE ml.promotions ALTER COLUMN promotion_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ml.promotions_promotion_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ml.scores (
    site_code text NOT NULL,
    equipment_code text NOT NULL,
    event_time timestamp with time zone NOT NULL,
    model_name text NOT NULL,
    model_version integer NOT NULL,
    score double precision NOT NULL,
    threshold double precision NOT NULL,
    is_anomaly boolean NOT NULL,
    confidence double precision NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE ml.scores IS 'One row per equipment, window end and model version.';

COMMENT ON COLUMN ml.scores.confidence IS 'max(p, 1-p), p the calibrated probability of an anomaly';

CREATE TABLE ops.validation_results (
    validation_id bigint NOT NULL,
    suite text NOT NULL,
    expectation text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    window_end timestamp with time zone NOT NULL,
    severity text NOT NULL,
    is_success boolean NOT NULL,
    observed jsonb NOT NULL,
    dagster_run_id text,
    validated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN ops.validation_results.severity IS 'critical or warning';

ALTER TABLE ops.validation_results ALTER COLUMN validation_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ops.validation_results_validation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alembic_version_warehouse (
    version_num character varying(32) NOT NULL
);

CREATE TABLE raw.batches (
    site_code text NOT NULL,
    batch_seq bigint NOT NULL,
    batch_id uuid NOT NULL,
    kind text NOT NULL,
    origin text NOT NULL,
    credential text NOT NULL,
    is_replay boolean NOT NULL,
    item_count integer NOT NULL,
    accepted_count integer NOT NULL,
    quarantined_count integer NOT NULL,
    quarantine_reasons jsonb NOT NULL,
    inserted_count integer NOT NULL,
    revised_count integer NOT NULL,
    duplicate_count integer NOT NULL,
    device_timed_count integer NOT NULL,
    late_count integer NOT NULL,
    lateness_p95_s double precision,
    load_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE raw.batches IS 'The ingest ledger: one row per inbox batch, settled when it is loaded.';

COMMENT ON COLUMN raw.batches.credential IS 'The source: name of the API key';

COMMENT ON COLUMN raw.batches.quarantine_reasons IS 'reason_code: item count';

COMMENT ON COLUMN raw.batches.device_timed_count IS 'Accepted items with a device time (C15)';

COMMENT ON COLUMN raw.batches.late_count IS 'Of these, received 60 min or more after their event (C48)';

COMMENT ON COLUMN raw.batches.lateness_p95_s IS 'NULL where no accepted item carries a device time';

CREATE TABLE raw.cursors (
    site_code text NOT NULL,
    kind text NOT NULL,
    "position" bigint NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN raw.cursors."position" IS 'Last batch_seq (change_seq for registry) loaded';

CREATE TABLE raw.event_revisions (
    site_code text NOT NULL,
    source_code text NOT NULL,
    event_type text NOT NULL,
    event_time timestamp with time zone NOT NULL,
    work_unit_code text DEFAULT ''::text NOT NULL,
    worker_code text DEFAULT ''::text NOT NULL,
    duration_s numeric(9,3),
    units_produced bigint,
    confidence double precision,
    is_server_time boolean NOT NULL,
    item_index smallint NOT NULL,
    batch_seq bigint NOT NULL,
    load_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone NOT NULL
);

COMMENT ON COLUMN raw.event_revisions.source_code IS 'Camera or device that saw it';

COMMENT ON COLUMN raw.event_revisions.event_type IS 'working, idle, absent or product_count (S1-003)';

COMMENT ON COLUMN raw.event_revisions.work_unit_code IS 'Empty: none';

COMMENT ON COLUMN raw.event_revisions.worker_code IS 'Empty: none';

COMMENT ON COLUMN raw.event_revisions.duration_s IS 'NULL: the state lasts until the next event (C12)';

COMMENT ON COLUMN raw.event_revisions.confidence IS '0 to 1, of the edge classifier (S1-004)';

CREATE TABLE raw.events (
    site_code text NOT NULL,
    source_code text NOT NULL,
    event_type text NOT NULL,
    event_time timestamp with time zone NOT NULL,
    work_unit_code text DEFAULT ''::text NOT NULL,
    worker_code text DEFAULT ''::text NOT NULL,
    duration_s numeric(9,3),
    units_produced bigint,
    confidence double precision,
    is_server_time boolean NOT NULL,
    item_index smallint NOT NULL,
    batch_seq bigint NOT NULL,
    load_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE raw.events IS 'One row per source, type, event time, work unit and worker: the newest version received (D4).';

COMMENT ON COLUMN raw.events.source_code IS 'Camera or device that saw it';

COMMENT ON COLUMN raw.events.event_type IS 'working, idle, absent or product_count (S1-003)';

COMMENT ON COLUMN raw.events.work_unit_code IS 'Empty: none';

COMMENT ON COLUMN raw.events.worker_code IS 'Empty: none';

COMMENT ON COLUMN raw.events.duration_s IS 'NULL: the state lasts until the next event (C12)';

COMMENT ON COLUMN raw.events.confidence IS '0 to 1, of the edge classifier (S1-004)';

CREATE TABLE raw.loads (
    load_id bigint NOT NULL,
    site_code text NOT NULL,
    kind text NOT NULL,
    cursor_from bigint NOT NULL,
    cursor_to bigint NOT NULL,
    item_count bigint NOT NULL,
    inserted_count bigint NOT NULL,
    revised_count bigint NOT NULL,
    duplicate_count bigint NOT NULL,
    late_count bigint NOT NULL,
    dagster_run_id text,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN raw.loads.kind IS 'readings, events or registry';

ALTER TABLE raw.loads ALTER COLUMN load_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME raw.loads_load_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE raw.reading_revisions (
    signal_id integer NOT NULL,
    item_index smallint NOT NULL,
    is_server_time boolean NOT NULL,
    event_time timestamp with time zone NOT NULL,
    value double precision NOT NULL,
    quality real NOT NULL,
    batch_seq bigint NOT NULL,
    load_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    superseded_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE raw.reading_revisions IS 'Versions that a newer one replaced, believed from recorded_at until superseded_at.';

COMMENT ON COLUMN raw.reading_revisions.item_index IS 'Position in the batch';

COMMENT ON COLUMN raw.reading_revisions.is_server_time IS 'The device sent no time (C15)';

COMMENT ON COLUMN raw.reading_revisions.quality IS '0 to 1 (S4-005)';

COMMENT ON COLUMN raw.reading_revisions.batch_seq IS 'The inbox batch that brought this version';

CREATE TABLE raw.readings (
    signal_id integer NOT NULL,
    item_index smallint NOT NULL,
    is_server_time boolean NOT NULL,
    event_time timestamp with time zone NOT NULL,
    value double precision NOT NULL,
    quality real NOT NULL,
    batch_seq bigint NOT NULL,
    load_id bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE raw.readings IS 'One row per signal and event time: the newest version received (D4). Hypertable where the server can.';

COMMENT ON COLUMN raw.readings.item_index IS 'Position in the batch';

COMMENT ON COLUMN raw.readings.is_server_time IS 'The device sent no time (C15)';

COMMENT ON COLUMN raw.readings.quality IS '0 to 1 (S4-005)';

COMMENT ON COLUMN raw.readings.batch_seq IS 'The inbox batch that brought this version';

CREATE TABLE raw.registry_changes (
    site_code text NOT NULL,
    change_seq bigint NOT NULL,
    entity text NOT NULL,
    code text NOT NULL,
    payload jsonb NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE raw.signals (
    signal_id integer NOT NULL,
    site_code text NOT NULL,
    equipment_code text NOT NULL,
    metric text NOT NULL,
    unit_code text,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN raw.signals.unit_code IS 'UCUM, as first seen';

ALTER TABLE raw.signals ALTER COLUMN signal_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME raw.signals_signal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE raw.touched_hours (
    site_code text NOT NULL,
    hour timestamp with time zone NOT NULL,
    touch_count bigint NOT NULL,
    rolled_up_count bigint DEFAULT 0 NOT NULL,
    summarized_count bigint DEFAULT 0 NOT NULL,
    touched_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE raw.touched_hours IS 'The touched-hours ledger (D6): an hour is pending while a consumer''s count is behind touch_count.';

COMMENT ON COLUMN raw.touched_hours.touch_count IS 'Rises with each load that touches the hour';

COMMENT ON COLUMN raw.touched_hours.rolled_up_count IS 'touch_count at rollup';

COMMENT ON COLUMN raw.touched_hours.summarized_count IS '… in daily marts';

INSERT INTO ml.anomalies (site_code, equipment_code, model_name, model_version, started_at, ended_at, peak_score, threshold, sensor_shares, recorded_at) VALUES ('site_code-1', 'equipment_code-1', 'model_name-1', 1, '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00', 1.5, 1.5, '{"row": 1}', '2026-03-01 07:00:00+00');
INSERT INTO ml.anomalies (site_code, equipment_code, model_name, model_version, started_at, ended_at, peak_score, threshold, sensor_shares, recorded_at) VALUES ('site_code-2', 'equipment_code-2', 'model_name-2', 2, '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00', 2.5, 2.5, '{"row": 2}', '2026-03-01 08:00:00+00');
INSERT INTO ml.anomalies (site_code, equipment_code, model_name, model_version, started_at, ended_at, peak_score, threshold, sensor_shares, recorded_at) VALUES ('site_code-3', 'equipment_code-3', 'model_name-3', 3, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00', 3.5, 3.5, '{"row": 3}', '2026-03-01 09:00:00+00');

INSERT INTO ml.drift_episodes (episode_id, stream, site_code, equipment_class, detected_at, band, mean_before, mean_after, sample_count, recovered_at, recorded_at) VALUES ('episode_id-1', 'stream-1', 'site_code-1', 'equipment_class-1', '2026-03-01 07:00:00+00', 'band-1', 1.5, 1.5, 1, '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO ml.drift_episodes (episode_id, stream, site_code, equipment_class, detected_at, band, mean_before, mean_after, sample_count, recovered_at, recorded_at) VALUES ('episode_id-2', 'stream-2', 'site_code-2', 'equipment_class-2', '2026-03-01 08:00:00+00', 'band-2', 2.5, 2.5, 2, '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO ml.drift_episodes (episode_id, stream, site_code, equipment_class, detected_at, band, mean_before, mean_after, sample_count, recovered_at, recorded_at) VALUES ('episode_id-3', 'stream-3', 'site_code-3', 'equipment_class-3', '2026-03-01 09:00:00+00', 'band-3', 3.5, 3.5, 3, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO ml.promotions (promotion_id, model_name, challenger_version, champion_version, is_promoted, reason, trigger, episode_id, metrics, mlflow_run_id, dagster_run_id, decided_at) OVERRIDING SYSTEM VALUE VALUES (1, 'model_name-1', 1, 1, false, 'reason-1', 'trigger-1', 'episode_id-1', '{"row": 1}', 'mlflow_run_id-1', 'dagster_run_id-1', '2026-03-01 07:00:00+00');
INSERT INTO ml.promotions (promotion_id, model_name, challenger_version, champion_version, is_promoted, reason, trigger, episode_id, metrics, mlflow_run_id, dagster_run_id, decided_at) OVERRIDING SYSTEM VALUE VALUES (2, 'model_name-2', 2, 2, false, 'reason-2', 'trigger-2', 'episode_id-2', '{"row": 2}', 'mlflow_run_id-2', 'dagster_run_id-2', '2026-03-01 08:00:00+00');
INSERT INTO ml.promotions (promotion_id, model_name, challenger_version, champion_version, is_promoted, reason, trigger, episode_id, metrics, mlflow_run_id, dagster_run_id, decided_at) OVERRIDING SYSTEM VALUE VALUES (3, 'model_name-3', 3, 3, false, 'reason-3', 'trigger-3', 'episode_id-3', '{"row": 3}', 'mlflow_run_id-3', 'dagster_run_id-3', '2026-03-01 09:00:00+00');

INSERT INTO ml.scores (site_code, equipment_code, event_time, model_name, model_version, score, threshold, is_anomaly, confidence, recorded_at) VALUES ('site_code-1', 'equipment_code-1', '2026-03-01 07:00:00+00', 'model_name-1', 1, 1.5, 1.5, false, 1.5, '2026-03-01 07:00:00+00');
INSERT INTO ml.scores (site_code, equipment_code, event_time, model_name, model_version, score, threshold, is_anomaly, confidence, recorded_at) VALUES ('site_code-2', 'equipment_code-2', '2026-03-01 08:00:00+00', 'model_name-2', 2, 2.5, 2.5, false, 2.5, '2026-03-01 08:00:00+00');
INSERT INTO ml.scores (site_code, equipment_code, event_time, model_name, model_version, score, threshold, is_anomaly, confidence, recorded_at) VALUES ('site_code-3', 'equipment_code-3', '2026-03-01 09:00:00+00', 'model_name-3', 3, 3.5, 3.5, false, 3.5, '2026-03-01 09:00:00+00');

INSERT INTO ops.validation_results (validation_id, suite, expectation, window_start, window_end, severity, is_success, observed, dagster_run_id, validated_at) OVERRIDING SYSTEM VALUE VALUES (1, 'suite-1', 'expectation-1', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00', 'high', false, '{"row": 1}', 'dagster_run_id-1', '2026-03-01 07:00:00+00');
INSERT INTO ops.validation_results (validation_id, suite, expectation, window_start, window_end, severity, is_success, observed, dagster_run_id, validated_at) OVERRIDING SYSTEM VALUE VALUES (2, 'suite-2', 'expectation-2', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00', 'high', false, '{"row": 2}', 'dagster_run_id-2', '2026-03-01 08:00:00+00');
INSERT INTO ops.validation_results (validation_id, suite, expectation, window_start, window_end, severity, is_success, observed, dagster_run_id, validated_at) OVERRIDING SYSTEM VALUE VALUES (3, 'suite-3', 'expectation-3', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00', 'high', false, '{"row": 3}', 'dagster_run_id-3', '2026-03-01 09:00:00+00');

INSERT INTO public.alembic_version_warehouse (version_num) VALUES ('warehouse_0005');

INSERT INTO raw.batches (site_code, batch_seq, batch_id, kind, origin, credential, is_replay, item_count, accepted_count, quarantined_count, quarantine_reasons, inserted_count, revised_count, duplicate_count, device_timed_count, late_count, lateness_p95_s, load_id, received_at, recorded_at) VALUES ('site_code-1', 1, '00000000-0000-0000-0000-000000000001', 'readings', 'push', 'credential-1', false, 1, 1, 1, '{"row": 1}', 1, 1, 1, 1, 1, 1.5, 1, '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO raw.batches (site_code, batch_seq, batch_id, kind, origin, credential, is_replay, item_count, accepted_count, quarantined_count, quarantine_reasons, inserted_count, revised_count, duplicate_count, device_timed_count, late_count, lateness_p95_s, load_id, received_at, recorded_at) VALUES ('site_code-2', 2, '00000000-0000-0000-0000-000000000002', 'readings', 'push', 'credential-2', false, 2, 2, 2, '{"row": 2}', 2, 2, 2, 2, 2, 2.5, 2, '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO raw.batches (site_code, batch_seq, batch_id, kind, origin, credential, is_replay, item_count, accepted_count, quarantined_count, quarantine_reasons, inserted_count, revised_count, duplicate_count, device_timed_count, late_count, lateness_p95_s, load_id, received_at, recorded_at) VALUES ('site_code-3', 3, '00000000-0000-0000-0000-000000000003', 'readings', 'push', 'credential-3', false, 3, 3, 3, '{"row": 3}', 3, 3, 3, 3, 3, 3.5, 3, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO raw.cursors (site_code, kind, "position", updated_at) VALUES ('site_code-1', 'readings', 1, '2026-03-01 07:00:00+00');
INSERT INTO raw.cursors (site_code, kind, "position", updated_at) VALUES ('site_code-2', 'readings', 2, '2026-03-01 08:00:00+00');
INSERT INTO raw.cursors (site_code, kind, "position", updated_at) VALUES ('site_code-3', 'readings', 3, '2026-03-01 09:00:00+00');

INSERT INTO raw.event_revisions (site_code, source_code, event_type, event_time, work_unit_code, worker_code, duration_s, units_produced, confidence, is_server_time, item_index, batch_seq, load_id, received_at, recorded_at, superseded_at) VALUES ('site_code-1', 'source_code-1', 'event_type-1', '2026-03-01 07:00:00+00', 'work_unit_code-1', 'worker_code-1', 1.000, 1, 1.5, false, 1, 1, 1, '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO raw.event_revisions (site_code, source_code, event_type, event_time, work_unit_code, worker_code, duration_s, units_produced, confidence, is_server_time, item_index, batch_seq, load_id, received_at, recorded_at, superseded_at) VALUES ('site_code-2', 'source_code-2', 'event_type-2', '2026-03-01 08:00:00+00', 'work_unit_code-2', 'worker_code-2', 2.000, 2, 2.5, false, 2, 2, 2, '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO raw.event_revisions (site_code, source_code, event_type, event_time, work_unit_code, worker_code, duration_s, units_produced, confidence, is_server_time, item_index, batch_seq, load_id, received_at, recorded_at, superseded_at) VALUES ('site_code-3', 'source_code-3', 'event_type-3', '2026-03-01 09:00:00+00', 'work_unit_code-3', 'worker_code-3', 3.000, 3, 3.5, false, 3, 3, 3, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO raw.events (site_code, source_code, event_type, event_time, work_unit_code, worker_code, duration_s, units_produced, confidence, is_server_time, item_index, batch_seq, load_id, received_at, recorded_at) VALUES ('site_code-1', 'source_code-1', 'event_type-1', '2026-03-01 07:00:00+00', 'work_unit_code-1', 'worker_code-1', 1.000, 1, 1.5, false, 1, 1, 1, '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO raw.events (site_code, source_code, event_type, event_time, work_unit_code, worker_code, duration_s, units_produced, confidence, is_server_time, item_index, batch_seq, load_id, received_at, recorded_at) VALUES ('site_code-2', 'source_code-2', 'event_type-2', '2026-03-01 08:00:00+00', 'work_unit_code-2', 'worker_code-2', 2.000, 2, 2.5, false, 2, 2, 2, '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO raw.events (site_code, source_code, event_type, event_time, work_unit_code, worker_code, duration_s, units_produced, confidence, is_server_time, item_index, batch_seq, load_id, received_at, recorded_at) VALUES ('site_code-3', 'source_code-3', 'event_type-3', '2026-03-01 09:00:00+00', 'work_unit_code-3', 'worker_code-3', 3.000, 3, 3.5, false, 3, 3, 3, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO raw.loads (load_id, site_code, kind, cursor_from, cursor_to, item_count, inserted_count, revised_count, duplicate_count, late_count, dagster_run_id, recorded_at) OVERRIDING SYSTEM VALUE VALUES (1, 'site_code-1', 'readings', 1, 1, 1, 1, 1, 1, 1, 'dagster_run_id-1', '2026-03-01 07:00:00+00');
INSERT INTO raw.loads (load_id, site_code, kind, cursor_from, cursor_to, item_count, inserted_count, revised_count, duplicate_count, late_count, dagster_run_id, recorded_at) OVERRIDING SYSTEM VALUE VALUES (2, 'site_code-2', 'readings', 2, 2, 2, 2, 2, 2, 2, 'dagster_run_id-2', '2026-03-01 08:00:00+00');
INSERT INTO raw.loads (load_id, site_code, kind, cursor_from, cursor_to, item_count, inserted_count, revised_count, duplicate_count, late_count, dagster_run_id, recorded_at) OVERRIDING SYSTEM VALUE VALUES (3, 'site_code-3', 'readings', 3, 3, 3, 3, 3, 3, 3, 'dagster_run_id-3', '2026-03-01 09:00:00+00');

INSERT INTO raw.reading_revisions (signal_id, item_index, is_server_time, event_time, value, quality, batch_seq, load_id, received_at, recorded_at, superseded_at) VALUES (1, 1, false, '2026-03-01 07:00:00+00', 1.5, 1.5, 1, 1, '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO raw.reading_revisions (signal_id, item_index, is_server_time, event_time, value, quality, batch_seq, load_id, received_at, recorded_at, superseded_at) VALUES (2, 2, false, '2026-03-01 08:00:00+00', 2.5, 2.5, 2, 2, '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO raw.reading_revisions (signal_id, item_index, is_server_time, event_time, value, quality, batch_seq, load_id, received_at, recorded_at, superseded_at) VALUES (3, 3, false, '2026-03-01 09:00:00+00', 3.5, 3.5, 3, 3, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO raw.readings (signal_id, item_index, is_server_time, event_time, value, quality, batch_seq, load_id, received_at, recorded_at) VALUES (1, 1, false, '2026-03-01 07:00:00+00', 1.5, 1.5, 1, 1, '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO raw.readings (signal_id, item_index, is_server_time, event_time, value, quality, batch_seq, load_id, received_at, recorded_at) VALUES (2, 2, false, '2026-03-01 08:00:00+00', 2.5, 2.5, 2, 2, '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO raw.readings (signal_id, item_index, is_server_time, event_time, value, quality, batch_seq, load_id, received_at, recorded_at) VALUES (3, 3, false, '2026-03-01 09:00:00+00', 3.5, 3.5, 3, 3, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO raw.registry_changes (site_code, change_seq, entity, code, payload, changed_by, changed_at, recorded_at) VALUES ('site_code-1', 1, 'entity-1', 'code-1', '{"row": 1}', 'changed_by-1', '2026-03-01 07:00:00+00', '2026-03-01 07:00:00+00');
INSERT INTO raw.registry_changes (site_code, change_seq, entity, code, payload, changed_by, changed_at, recorded_at) VALUES ('site_code-2', 2, 'entity-2', 'code-2', '{"row": 2}', 'changed_by-2', '2026-03-01 08:00:00+00', '2026-03-01 08:00:00+00');
INSERT INTO raw.registry_changes (site_code, change_seq, entity, code, payload, changed_by, changed_at, recorded_at) VALUES ('site_code-3', 3, 'entity-3', 'code-3', '{"row": 3}', 'changed_by-3', '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00');

INSERT INTO raw.signals (signal_id, site_code, equipment_code, metric, unit_code, recorded_at) OVERRIDING SYSTEM VALUE VALUES (1, 'site_code-1', 'equipment_code-1', 'metric-1', 'unit_code-1', '2026-03-01 07:00:00+00');
INSERT INTO raw.signals (signal_id, site_code, equipment_code, metric, unit_code, recorded_at) OVERRIDING SYSTEM VALUE VALUES (2, 'site_code-2', 'equipment_code-2', 'metric-2', 'unit_code-2', '2026-03-01 08:00:00+00');
INSERT INTO raw.signals (signal_id, site_code, equipment_code, metric, unit_code, recorded_at) OVERRIDING SYSTEM VALUE VALUES (3, 'site_code-3', 'equipment_code-3', 'metric-3', 'unit_code-3', '2026-03-01 09:00:00+00');

INSERT INTO raw.touched_hours (site_code, hour, touch_count, rolled_up_count, summarized_count, touched_at) VALUES ('site_code-1', '2026-03-01 07:00:00+00', 1, 1, 1, '2026-03-01 07:00:00+00');
INSERT INTO raw.touched_hours (site_code, hour, touch_count, rolled_up_count, summarized_count, touched_at) VALUES ('site_code-2', '2026-03-01 08:00:00+00', 2, 2, 2, '2026-03-01 08:00:00+00');
INSERT INTO raw.touched_hours (site_code, hour, touch_count, rolled_up_count, summarized_count, touched_at) VALUES ('site_code-3', '2026-03-01 09:00:00+00', 3, 3, 3, '2026-03-01 09:00:00+00');

SELECT pg_catalog.setval('ml.promotions_promotion_id_seq', 3, true);

SELECT pg_catalog.setval('ops.validation_results_validation_id_seq', 3, true);

SELECT pg_catalog.setval('raw.loads_load_id_seq', 3, true);

SELECT pg_catalog.setval('raw.signals_signal_id_seq', 3, true);

ALTER TABLE ONLY ml.anomalies
    ADD CONSTRAINT pk_anomalies PRIMARY KEY (site_code, equipment_code, model_name, model_version, started_at);

ALTER TABLE ONLY ml.drift_episodes
    ADD CONSTRAINT pk_drift_episodes PRIMARY KEY (episode_id);

ALTER TABLE ONLY ml.promotions
    ADD CONSTRAINT pk_promotions PRIMARY KEY (promotion_id);

ALTER TABLE ONLY ml.scores
    ADD CONSTRAINT pk_scores PRIMARY KEY (site_code, equipment_code, event_time, model_name, model_version);

ALTER TABLE ONLY ops.validation_results
    ADD CONSTRAINT pk_validation_results PRIMARY KEY (validation_id);

ALTER TABLE ONLY public.alembic_version_warehouse
    ADD CONSTRAINT alembic_version_warehouse_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY raw.batches
    ADD CONSTRAINT pk_batches PRIMARY KEY (site_code, batch_seq);

ALTER TABLE ONLY raw.cursors
    ADD CONSTRAINT pk_cursors PRIMARY KEY (site_code, kind);

ALTER TABLE ONLY raw.event_revisions
    ADD CONSTRAINT pk_event_revisions PRIMARY KEY (site_code, source_code, event_type, event_time, work_unit_code, worker_code, batch_seq, item_index);

ALTER TABLE ONLY raw.events
    ADD CONSTRAINT pk_events PRIMARY KEY (site_code, source_code, event_type, event_time, work_unit_code, worker_code);

ALTER TABLE ONLY raw.loads
    ADD CONSTRAINT pk_loads PRIMARY KEY (load_id);

ALTER TABLE ONLY raw.reading_revisions
    ADD CONSTRAINT pk_reading_revisions PRIMARY KEY (signal_id, event_time, batch_seq, item_index);

ALTER TABLE ONLY raw.readings
    ADD CONSTRAINT pk_readings PRIMARY KEY (signal_id, event_time);

ALTER TABLE ONLY raw.registry_changes
    ADD CONSTRAINT pk_registry_changes PRIMARY KEY (site_code, change_seq);

ALTER TABLE ONLY raw.signals
    ADD CONSTRAINT pk_signals PRIMARY KEY (signal_id);

ALTER TABLE ONLY raw.touched_hours
    ADD CONSTRAINT pk_touched_hours PRIMARY KEY (site_code, hour);

ALTER TABLE ONLY raw.signals
    ADD CONSTRAINT uq_signals_site_code_equipment_code_metric UNIQUE (site_code, equipment_code, metric);

CREATE INDEX ix_promotions_episode_id ON ml.promotions USING btree (episode_id);

CREATE INDEX ix_scores_event_time ON ml.scores USING btree (event_time);

CREATE UNIQUE INDEX uq_promotions_model_name_challenger_version ON ml.promotions USING btree (model_name, challenger_version) WHERE (trigger <> 'rollback'::text);

CREATE INDEX ix_validation_results_validated_at ON ops.validation_results USING btree (validated_at);

CREATE INDEX ix_batches_load_id ON raw.batches USING btree (load_id);

CREATE INDEX ix_batches_received_at ON raw.batches USING btree (received_at);

CREATE INDEX ix_events_event_time ON raw.events USING btree (event_time);

CREATE INDEX ix_events_work_unit_code_event_time ON raw.events USING btree (work_unit_code, event_time);

CREATE INDEX ix_events_worker_code_event_time ON raw.events USING btree (worker_code, event_time);

CREATE INDEX ix_readings_event_time ON raw.readings USING btree (event_time);

CREATE INDEX ix_registry_changes_site_code_entity_code_change_seq ON raw.registry_changes USING btree (site_code, entity, code, change_seq);

CREATE INDEX ix_touched_hours_hour ON raw.touched_hours USING btree (hour);

ALTER TABLE ONLY ml.promotions
    ADD CONSTRAINT fk_promotions_episode_id FOREIGN KEY (episode_id) REFERENCES ml.drift_episodes(episode_id);

ALTER TABLE ONLY raw.batches
    ADD CONSTRAINT fk_batches_load_id FOREIGN KEY (load_id) REFERENCES raw.loads(load_id);
