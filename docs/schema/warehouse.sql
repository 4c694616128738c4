-- The warehouse, written by `make schema-docs` from the migrations and `warehouse/tables`; change those.

CREATE SCHEMA ml;

CREATE SCHEMA ops;

CREATE SCHEMA raw;

CREATE SCHEMA restricted;

CREATE FUNCTION ops.held_hours_as_known_at(moment timestamp with time zone) RETURNS TABLE(site_code text, hour timestamp with time zone, suite text, expectation text, time_zone text, first_date date, last_date date)
    LANGUAGE sql STABLE
    AS $$ 
    select h.site_code, hours.hour, h.suite, h.expectation, zone.time_zone,
        cast(hours.hour at time zone zone.time_zone as date) as first_date,
        cast((hours.hour + interval '59 minutes') at time zone zone.time_zone as date) as last_date
    from ops.holds as h
    cross join lateral generate_series(h.first_hour, h.last_hour, interval '1 hour') as hours (hour)
    cross join lateral (
        select coalesce((
            select c.payload ->> 'time_zone' from raw.registry_changes as c
            where c.entity = 'sites' and c.site_code = h.site_code and c.recorded_at <= moment
            order by c.change_seq desc limit 1
        ), 'UTC') as time_zone
    ) as zone
    where h.held_at <= moment and (h.released_at is null or h.released_at > moment)
 $$;

CREATE FUNCTION ops.is_closed(of_site text, of_day date) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$select 
    exists (select from ops.closed_days where site_code = of_site and day between of_day - 6 and of_day + 2)
$$;

CREATE FUNCTION ops.is_frozen(of_site text, of_day date) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$select 
    exists (
        select from ops.archived_days
        where dropped_at is not null and site_code = of_site and day between of_day - 3 and of_day + 2
    )
 or 
    exists (select from ops.closed_days where site_code = of_site and day between of_day - 6 and of_day + 2)
$$;

CREATE FUNCTION raw.events_as_known_at(moment timestamp with time zone) RETURNS TABLE(site_code text, source_code text, event_type text, event_time timestamp with time zone, work_unit_code text, worker_code text, duration_s numeric, units_produced bigint, confidence double precision, is_server_time boolean, item_index smallint, batch_seq bigint, load_id bigint, received_at timestamp with time zone, recorded_at timestamp with time zone)
    LANGUAGE sql STABLE
    AS $$ select site_code, source_code, event_type, event_time, work_unit_code, worker_code, duration_s, units_produced, confidence, is_server_time, item_index, batch_seq, load_id, received_at, recorded_at from raw.events where recorded_at <= moment union all select site_code, source_code, event_type, event_time, work_unit_code, worker_code, duration_s, units_produced, confidence, is_server_time, item_index, batch_seq, load_id, received_at, recorded_at from raw.event_revisions where recorded_at <= moment and superseded_at > moment $$;

CREATE FUNCTION raw.readings_as_known_at(moment timestamp with time zone) RETURNS TABLE(signal_id integer, item_index smallint, is_server_time boolean, event_time timestamp with time zone, value double precision, quality real, batch_seq bigint, load_id bigint, received_at timestamp with time zone, recorded_at timestamp with time zone)
    LANGUAGE sql STABLE
    AS $$ select signal_id, item_index, is_server_time, event_time, value, quality, batch_seq, load_id, received_at, recorded_at from raw.readings where recorded_at <= moment union all select signal_id, item_index, is_server_time, event_time, value, quality, batch_seq, load_id, received_at, recorded_at from raw.reading_revisions where recorded_at <= moment and superseded_at > moment $$;

CREATE FUNCTION raw.signals_as_known_at(moment timestamp with time zone) RETURNS TABLE(signal_id integer, site_code text, equipment_code text, metric text, unit_code text, recorded_at timestamp with time zone)
    LANGUAGE sql STABLE
    AS $$ select signal_id, site_code, equipment_code, metric, case when unit_recorded_at <= moment then unit_code end, recorded_at from raw.signals where recorded_at <= moment $$;

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
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    sensor_values jsonb,
    nearest_normal jsonb
);

COMMENT ON TABLE ml.anomalies IS 'One row per run of consecutive anomalous windows.';

COMMENT ON COLUMN ml.anomalies.sensor_shares IS 'metric: share of the peak score, sums to 1';

COMMENT ON COLUMN ml.anomalies.sensor_values IS 'metric: last value of the peak window; NULL: of an earlier release';

COMMENT ON COLUMN ml.anomalies.nearest_normal IS 'metric: the value at which that window would just be normal';

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

CREATE TABLE ml.drift_explanations (
    episode_id text NOT NULL,
    explanation text NOT NULL,
    reference_kind text NOT NULL,
    reference_started_at timestamp with time zone NOT NULL,
    reference_ended_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE ml.drift_explanations IS 'What the sensors say about a drift episode. One row per episode that was looked into.';

COMMENT ON COLUMN ml.drift_explanations.explanation IS 'One sentence for people';

COMMENT ON COLUMN ml.drift_explanations.reference_kind IS 'champion (its training window) or days_before';

CREATE TABLE ml.drift_features (
    episode_id text NOT NULL,
    metric text NOT NULL,
    count_before integer NOT NULL,
    count_after integer NOT NULL,
    mean_before double precision,
    mean_after double precision,
    ks double precision,
    ks_p double precision,
    psi double precision,
    usual_ks double precision,
    usual_psi double precision,
    is_drifted boolean,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE ml.drift_features IS 'How far each sensor moved. One row per drift episode and metric.';

COMMENT ON COLUMN ml.drift_features.count_before IS 'Samples of the reference';

COMMENT ON COLUMN ml.drift_features.count_after IS 'Samples of the hours of the episode';

COMMENT ON COLUMN ml.drift_features.ks IS 'Kolmogorov-Smirnov statistic, 0-1; NULL: too few samples';

COMMENT ON COLUMN ml.drift_features.ks_p IS 'As if the samples were independent';

COMMENT ON COLUMN ml.drift_features.psi IS 'Population stability index over ten bins';

COMMENT ON COLUMN ml.drift_features.usual_ks IS 'What 95 % of the blocks of the reference keep to';

COMMENT ON COLUMN ml.drift_features.usual_psi IS 'The same of psi';

COMMENT ON COLUMN ml.drift_features.is_drifted IS 'NULL: too few samples to tell';

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
    decided_at timestamp with time zone DEFAULT now() NOT NULL,
    is_shadow boolean DEFAULT false NOT NULL,
    data_until timestamp with time zone,
    CONSTRAINT ck_promotions_is_shadow CHECK ((NOT (is_promoted AND is_shadow)))
);

COMMENT ON TABLE ml.promotions IS 'The promotion ledger: every challenger and why it was or was not promoted, and every rollback.';

COMMENT ON COLUMN ml.promotions.champion_version IS 'Champion at the time of the decision; NULL: none';

COMMENT ON COLUMN ml.promotions.trigger IS 'initial, schedule, drift, manual or rollback';

COMMENT ON COLUMN ml.promotions.is_shadow IS 'Scores beside the champion until the next decision about it';

ALTER TABLE ml.promotions ALTER COLUMN promotion_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ml.promotions_promotion_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ml.remaining_life (
    site_code text NOT NULL,
    equipment_code text NOT NULL,
    event_time timestamp with time zone NOT NULL,
    model_name text NOT NULL,
    model_version integer NOT NULL,
    age_h double precision NOT NULL,
    remaining_life_h double precision NOT NULL,
    lower_h double precision NOT NULL,
    upper_h double precision NOT NULL,
    cap_h double precision NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE ml.remaining_life IS 'One row per equipment, newest reading at the time, and model version.';

COMMENT ON COLUMN ml.remaining_life.age_h IS 'Since the last failure ended, or the first reading';

COMMENT ON COLUMN ml.remaining_life.remaining_life_h IS 'Expected; never above cap_h';

COMMENT ON COLUMN ml.remaining_life.lower_h IS 'It lasts at least so long, with a probability of 95 %';

COMMENT ON COLUMN ml.remaining_life.upper_h IS 'It lasts at most so long, with a probability of 95 %';

COMMENT ON COLUMN ml.remaining_life.cap_h IS 'Above it the model tells nothing apart';

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

CREATE TABLE ops.archived_days (
    table_name text NOT NULL,
    site_code text NOT NULL,
    equipment_class text NOT NULL,
    day date NOT NULL,
    path text,
    row_count bigint NOT NULL,
    checksum numeric NOT NULL,
    sha256 text,
    byte_count bigint NOT NULL,
    first_event_at timestamp with time zone,
    last_event_at timestamp with time zone,
    touch_count bigint NOT NULL,
    written_at timestamp with time zone NOT NULL,
    dropped_at timestamp with time zone,
    droppable_at timestamp with time zone
);

COMMENT ON TABLE ops.archived_days IS 'One row per table, site, equipment class and UTC day whose rows are in the archive.';

COMMENT ON COLUMN ops.archived_days.table_name IS 'Such as readings or reading_revisions';

COMMENT ON COLUMN ops.archived_days.equipment_class IS 'Empty: none, as of events and unregistered equipment';

COMMENT ON COLUMN ops.archived_days.day IS 'UTC day of event_time';

COMMENT ON COLUMN ops.archived_days.path IS 'Parquet file, relative to the archive directory; NULL: there were no rows';

COMMENT ON COLUMN ops.archived_days.checksum IS 'Sum of the rows'' hashes, whatever their order';

COMMENT ON COLUMN ops.archived_days.sha256 IS 'Of the file';

COMMENT ON COLUMN ops.archived_days.byte_count IS 'Of the file';

COMMENT ON COLUMN ops.archived_days.touch_count IS 'Of the site''s hours that day, in raw.touched_hours';

CREATE TABLE ops.closed_days (
    site_code text NOT NULL,
    day date NOT NULL,
    row_count bigint NOT NULL,
    closed_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE ops.closed_days IS 'Days whose hours were deleted (C2): no mart is computed of them again. One row per site and UTC day.';

COMMENT ON COLUMN ops.closed_days.day IS 'UTC day of the hours';

COMMENT ON COLUMN ops.closed_days.row_count IS 'Hourly rows that were deleted';

CREATE TABLE ops.erasures (
    site_code text NOT NULL,
    pseudonym text NOT NULL,
    erased_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE ops.erasures IS 'Erasures that these tables have seen (C39); the archive''s journal may know more. One row per worker.';

COMMENT ON COLUMN ops.erasures.pseudonym IS 'What stands in the place of the worker''s code';

CREATE TABLE ops.holds (
    hold_id bigint NOT NULL,
    site_code text NOT NULL,
    hour timestamp with time zone NOT NULL,
    first_hour timestamp with time zone NOT NULL,
    last_hour timestamp with time zone NOT NULL,
    suite text NOT NULL,
    expectation text NOT NULL,
    period_start timestamp with time zone NOT NULL,
    observed jsonb NOT NULL,
    touched_at timestamp with time zone NOT NULL,
    dagster_run_id text,
    held_at timestamp with time zone DEFAULT now() NOT NULL,
    released_at timestamp with time zone,
    released_by text,
    reason text,
    CONSTRAINT ck_holds_released_for_a_reason CHECK ((num_nulls(released_at, released_by, reason) = ANY (ARRAY[0, 3])))
);

COMMENT ON TABLE ops.holds IS 'Hours held back by a critical expectation. One row per hold; one is open per hour and expectation.';

COMMENT ON COLUMN ops.holds.hold_id IS 'Number of the hold';

COMMENT ON COLUMN ops.holds.site_code IS 'Whose hour is held';

COMMENT ON COLUMN ops.holds.hour IS 'What was judged and failed, by its first instant';

COMMENT ON COLUMN ops.holds.first_hour IS 'First of the hours that its rows reach into: those are held with it';

COMMENT ON COLUMN ops.holds.last_hour IS 'Last of them, by its first instant';

COMMENT ON COLUMN ops.holds.suite IS 'What was judged: readings or events by their time, or the ledger by time of receipt';

COMMENT ON COLUMN ops.holds.expectation IS 'What failed, such as invalid_rate_is_low';

COMMENT ON COLUMN ops.holds.period_start IS 'Of the first group that failed: the hour, an hour of receipt or a local midnight';

COMMENT ON COLUMN ops.holds.observed IS 'Figures for people; in hours and days what has to pass before the hour is let go';

COMMENT ON COLUMN ops.holds.touched_at IS 'Of the rows that were judged, as in raw.touched_hours: newer ones are judged anew';

COMMENT ON COLUMN ops.holds.dagster_run_id IS 'The Dagster run that held it last; NULL: the command line';

COMMENT ON COLUMN ops.holds.held_at IS 'When it failed first';

COMMENT ON COLUMN ops.holds.released_at IS 'When it was let go; NULL: it waits';

COMMENT ON COLUMN ops.holds.released_by IS 'A person, or validation: what failed has passed since';

COMMENT ON COLUMN ops.holds.reason IS 'Why it was let go';

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

CREATE TABLE raw.touched_hours (
    site_code text NOT NULL,
    hour timestamp with time zone NOT NULL,
    touch_count bigint NOT NULL,
    rolled_up_count bigint DEFAULT 0 NOT NULL,
    summarized_count bigint DEFAULT 0 NOT NULL,
    touched_at timestamp with time zone NOT NULL,
    received_hours timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    judged_at timestamp with time zone
);

COMMENT ON TABLE raw.touched_hours IS 'The touched-hours ledger (D6): an hour is pending while a consumer''s count is behind touch_count.';

COMMENT ON COLUMN raw.touched_hours.site_code IS 'Whose hour it is';

COMMENT ON COLUMN raw.touched_hours.hour IS 'Its first instant';

COMMENT ON COLUMN raw.touched_hours.touch_count IS 'Rises with each load that touches the hour';

COMMENT ON COLUMN raw.touched_hours.rolled_up_count IS 'touch_count at rollup';

COMMENT ON COLUMN raw.touched_hours.summarized_count IS '… in daily marts';

COMMENT ON COLUMN raw.touched_hours.touched_at IS 'When a load touched it last';

COMMENT ON COLUMN raw.touched_hours.received_hours IS 'In which was received what changed it since it was rolled up';

COMMENT ON COLUMN raw.touched_hours.judged_at IS 'What was recorded up to then is judged; NULL where nothing is';

CREATE VIEW ops.held_hours AS
 SELECT h.site_code,
    hours.hour,
    h.suite,
    h.expectation,
    zone.time_zone,
    ((hours.hour AT TIME ZONE zone.time_zone))::date AS first_date,
    (((hours.hour + '00:59:00'::interval) AT TIME ZONE zone.time_zone))::date AS last_date,
    ((hours.hour = h.hour) AND (EXISTS ( SELECT
           FROM raw.touched_hours t
          WHERE ((t.site_code = h.site_code) AND (t.hour = h.hour) AND (t.touched_at <> h.touched_at))))) AS has_newer_rows
   FROM ((ops.holds h
     CROSS JOIN LATERAL generate_series(h.first_hour, h.last_hour, '01:00:00'::interval) hours(hour))
     CROSS JOIN LATERAL ( SELECT COALESCE(( SELECT (c.payload ->> 'time_zone'::text)
                   FROM raw.registry_changes c
                  WHERE ((c.entity = 'sites'::text) AND (c.site_code = h.site_code))
                  ORDER BY c.change_seq DESC
                 LIMIT 1), 'UTC'::text) AS time_zone) zone)
  WHERE (h.released_at IS NULL);

ALTER TABLE ops.holds ALTER COLUMN hold_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ops.holds_hold_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ops.retention_rules (
    table_name text NOT NULL,
    site_code text DEFAULT ''::text NOT NULL,
    equipment_class text DEFAULT ''::text NOT NULL,
    keep_days integer,
    is_legal_hold boolean NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_retention_rules_keep_days CHECK ((keep_days > 0))
);

COMMENT ON TABLE ops.retention_rules IS 'How long raw rows stay where that differs from the setting (C2). The rule that names most counts.';

COMMENT ON COLUMN ops.retention_rules.table_name IS 'readings, events or scores';

COMMENT ON COLUMN ops.retention_rules.site_code IS 'Empty: any';

COMMENT ON COLUMN ops.retention_rules.equipment_class IS 'Empty: any';

COMMENT ON COLUMN ops.retention_rules.keep_days IS 'NULL: for ever';

COMMENT ON COLUMN ops.retention_rules.is_legal_hold IS 'Nothing that the rule covers is deleted';

CREATE VIEW ops.unjudged_hours AS
 SELECT site_code,
    hour,
    COALESCE(judged_at, '-infinity'::timestamp with time zone) AS judged_at
   FROM raw.touched_hours
  WHERE ((summarized_count < touch_count) AND (rolled_up_count < touch_count));

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
    validated_at timestamp with time zone DEFAULT now() NOT NULL,
    judged_at timestamp with time zone
);

COMMENT ON COLUMN ops.validation_results.validation_id IS 'Number of the validation of one expectation; it grows';

COMMENT ON COLUMN ops.validation_results.suite IS 'What was judged: readings or events by their time, or the ledger by time of receipt';

COMMENT ON COLUMN ops.validation_results.expectation IS 'What was expected, such as invalid_rate_is_low';

COMMENT ON COLUMN ops.validation_results.window_start IS 'First instant that was looked at';

COMMENT ON COLUMN ops.validation_results.window_end IS 'First instant after it';

COMMENT ON COLUMN ops.validation_results.severity IS 'critical or warning';

COMMENT ON COLUMN ops.validation_results.is_success IS 'Whether all groups kept their limit';

COMMENT ON COLUMN ops.validation_results.observed IS 'Figures for people, and those of each site';

COMMENT ON COLUMN ops.validation_results.dagster_run_id IS 'The Dagster run that asked; NULL: the command line';

COMMENT ON COLUMN ops.validation_results.validated_at IS 'When it was stored';

COMMENT ON COLUMN ops.validation_results.judged_at IS 'When the ledger of touched hours was read for it; NULL: before this was noted';

ALTER TABLE ops.validation_results ALTER COLUMN validation_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ops.validation_results_validation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE raw.alarm_changes (
    site_code text NOT NULL,
    change_seq bigint NOT NULL,
    alarm_id bigint NOT NULL,
    transition text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    value double precision,
    changed_by text,
    rule_code text NOT NULL,
    equipment_code text NOT NULL,
    metric text NOT NULL,
    severity text NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    is_brief boolean DEFAULT false NOT NULL
);

COMMENT ON TABLE raw.alarm_changes IS 'What became of alarms, as each site''s API logged it (D3). One row per site and change.';

COMMENT ON COLUMN raw.alarm_changes.transition IS 'raised, acknowledged or cleared';

COMMENT ON COLUMN raw.alarm_changes.value IS 'Of the reading that did it';

COMMENT ON COLUMN raw.alarm_changes.changed_by IS 'Name of the API key that acknowledged';

COMMENT ON COLUMN raw.alarm_changes.severity IS 'critical, high, medium or low, when it was raised (C23)';

COMMENT ON COLUMN raw.alarm_changes.is_brief IS 'Of a raised one: cleared within a day, so that it never counts as standing';

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
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    lateness_p50_s double precision
);

COMMENT ON TABLE raw.batches IS 'The ingest ledger: one row per inbox batch, settled when it is loaded.';

COMMENT ON COLUMN raw.batches.credential IS 'The source: name of the API key';

COMMENT ON COLUMN raw.batches.quarantine_reasons IS 'reason_code: item count';

COMMENT ON COLUMN raw.batches.device_timed_count IS 'Accepted items with a device time (C15)';

COMMENT ON COLUMN raw.batches.late_count IS 'Of these, received 60 min or more after their event (C48)';

COMMENT ON COLUMN raw.batches.lateness_p95_s IS 'NULL where no accepted item carries a device time';

COMMENT ON COLUMN raw.batches.lateness_p50_s IS 'NULL as lateness_p95_s, and in batches older than the column';

CREATE TABLE raw.cursors (
    site_code text NOT NULL,
    kind text NOT NULL,
    "position" bigint NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON COLUMN raw.cursors."position" IS 'Last batch_seq (change_seq for registry and alarms) loaded';

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

COMMENT ON COLUMN raw.event_revisions.event_type IS 'working, idle, absent, down, product_count or scrap_count (S1-003, ISO 22400)';

COMMENT ON COLUMN raw.event_revisions.work_unit_code IS 'Empty: none';

COMMENT ON COLUMN raw.event_revisions.worker_code IS 'Empty: none';

COMMENT ON COLUMN raw.event_revisions.duration_s IS 'NULL: the state lasts until the next event (C12)';

COMMENT ON COLUMN raw.event_revisions.units_produced IS 'Of a scrap_count: scrapped ones';

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

COMMENT ON COLUMN raw.events.event_type IS 'working, idle, absent, down, product_count or scrap_count (S1-003, ISO 22400)';

COMMENT ON COLUMN raw.events.work_unit_code IS 'Empty: none';

COMMENT ON COLUMN raw.events.worker_code IS 'Empty: none';

COMMENT ON COLUMN raw.events.duration_s IS 'NULL: the state lasts until the next event (C12)';

COMMENT ON COLUMN raw.events.units_produced IS 'Of a scrap_count: scrapped ones';

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

COMMENT ON COLUMN raw.loads.kind IS 'readings, events, registry or alarms';

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

CREATE TABLE raw.reference_builds (
    build_id bigint NOT NULL,
    content text NOT NULL,
    built_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE raw.reference_builds IS 'What the reference models were built for; the newest row holds.';

COMMENT ON COLUMN raw.reference_builds.content IS 'Hash of the dbt project and cursors of the sites'' registries';

ALTER TABLE raw.reference_builds ALTER COLUMN build_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME raw.reference_builds_build_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE raw.signals (
    signal_id integer NOT NULL,
    site_code text NOT NULL,
    equipment_code text NOT NULL,
    metric text NOT NULL,
    unit_code text,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    unit_recorded_at timestamp with time zone
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

CREATE TABLE restricted.worker_names (
    site_code text NOT NULL,
    worker_code text NOT NULL,
    name text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE restricted.worker_names IS 'Read by members of worker_names_reader. It is filled by hand and never travels through the API.';

COMMENT ON COLUMN restricted.worker_names.worker_code IS 'The pseudonym that everything else goes by';

ALTER TABLE ONLY ml.anomalies
    ADD CONSTRAINT pk_anomalies PRIMARY KEY (site_code, equipment_code, model_name, model_version, started_at);

ALTER TABLE ONLY ml.drift_episodes
    ADD CONSTRAINT pk_drift_episodes PRIMARY KEY (episode_id);

ALTER TABLE ONLY ml.drift_explanations
    ADD CONSTRAINT pk_drift_explanations PRIMARY KEY (episode_id);

ALTER TABLE ONLY ml.drift_features
    ADD CONSTRAINT pk_drift_features PRIMARY KEY (episode_id, metric);

ALTER TABLE ONLY ml.promotions
    ADD CONSTRAINT pk_promotions PRIMARY KEY (promotion_id);

ALTER TABLE ONLY ml.remaining_life
    ADD CONSTRAINT pk_remaining_life PRIMARY KEY (site_code, equipment_code, event_time, model_name, model_version);

ALTER TABLE ONLY ml.scores
    ADD CONSTRAINT pk_scores PRIMARY KEY (site_code, equipment_code, event_time, model_name, model_version);

ALTER TABLE ONLY ops.archived_days
    ADD CONSTRAINT pk_archived_days PRIMARY KEY (table_name, site_code, equipment_class, day);

ALTER TABLE ONLY ops.closed_days
    ADD CONSTRAINT pk_closed_days PRIMARY KEY (site_code, day);

ALTER TABLE ONLY ops.erasures
    ADD CONSTRAINT pk_erasures PRIMARY KEY (site_code, pseudonym);

ALTER TABLE ONLY ops.holds
    ADD CONSTRAINT pk_holds PRIMARY KEY (hold_id);

ALTER TABLE ONLY ops.retention_rules
    ADD CONSTRAINT pk_retention_rules PRIMARY KEY (table_name, site_code, equipment_class);

ALTER TABLE ONLY ops.validation_results
    ADD CONSTRAINT pk_validation_results PRIMARY KEY (validation_id);

ALTER TABLE ONLY raw.alarm_changes
    ADD CONSTRAINT pk_alarm_changes PRIMARY KEY (site_code, change_seq);

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

ALTER TABLE ONLY raw.reference_builds
    ADD CONSTRAINT pk_reference_builds PRIMARY KEY (build_id);

ALTER TABLE ONLY raw.registry_changes
    ADD CONSTRAINT pk_registry_changes PRIMARY KEY (site_code, change_seq);

ALTER TABLE ONLY raw.signals
    ADD CONSTRAINT pk_signals PRIMARY KEY (signal_id);

ALTER TABLE ONLY raw.touched_hours
    ADD CONSTRAINT pk_touched_hours PRIMARY KEY (site_code, hour);

ALTER TABLE ONLY raw.signals
    ADD CONSTRAINT uq_signals_site_code_equipment_code_metric UNIQUE (site_code, equipment_code, metric);

ALTER TABLE ONLY restricted.worker_names
    ADD CONSTRAINT pk_worker_names PRIMARY KEY (site_code, worker_code);

CREATE INDEX ix_promotions_episode_id ON ml.promotions USING btree (episode_id);

CREATE INDEX ix_scores_event_time ON ml.scores USING btree (event_time);

CREATE UNIQUE INDEX uq_promotions_model_name_challenger_version ON ml.promotions USING btree (model_name, challenger_version, is_shadow) WHERE (trigger <> 'rollback'::text);

CREATE INDEX ix_archived_days_dropped ON ops.archived_days USING btree (site_code, day) WHERE (dropped_at IS NOT NULL);

CREATE UNIQUE INDEX ix_holds_open ON ops.holds USING btree (site_code, hour, suite, expectation) WHERE (released_at IS NULL);

CREATE INDEX ix_holds_site_code_hour ON ops.holds USING btree (site_code, hour);

CREATE INDEX ix_validation_results_validated_at ON ops.validation_results USING btree (validated_at);

CREATE INDEX ix_alarm_changes_changed_at ON raw.alarm_changes USING btree (changed_at);

CREATE INDEX ix_alarm_changes_lasting ON raw.alarm_changes USING btree (changed_at) WHERE ((transition = 'raised'::text) AND (NOT is_brief));

CREATE INDEX ix_alarm_changes_severity_changed_at ON raw.alarm_changes USING btree (severity, changed_at);

CREATE INDEX ix_alarm_changes_site_code_alarm_id ON raw.alarm_changes USING btree (site_code, alarm_id);

CREATE INDEX ix_alarm_changes_site_code_changed_at ON raw.alarm_changes USING btree (site_code, changed_at);

CREATE INDEX ix_batches_load_id ON raw.batches USING btree (load_id);

CREATE INDEX ix_batches_received_at ON raw.batches USING btree (received_at);

CREATE INDEX ix_events_event_time ON raw.events USING btree (event_time);

CREATE INDEX ix_events_recorded_at ON raw.events USING brin (recorded_at);

CREATE INDEX ix_events_work_unit_code_event_time ON raw.events USING btree (work_unit_code, event_time);

CREATE INDEX ix_events_worker_code_event_time ON raw.events USING btree (worker_code, event_time);

CREATE INDEX ix_readings_event_time ON raw.readings USING btree (event_time);

CREATE INDEX ix_readings_recorded_at ON raw.readings USING brin (recorded_at);

CREATE INDEX ix_registry_changes_site_code_entity_code_change_seq ON raw.registry_changes USING btree (site_code, entity, code, change_seq);

CREATE INDEX ix_touched_hours_hour ON raw.touched_hours USING btree (hour);

CREATE INDEX ix_touched_hours_pending ON raw.touched_hours USING btree (hour) WHERE (summarized_count < touch_count);

ALTER TABLE ONLY ml.drift_explanations
    ADD CONSTRAINT fk_drift_explanations_episode_id FOREIGN KEY (episode_id) REFERENCES ml.drift_episodes(episode_id);

ALTER TABLE ONLY ml.drift_features
    ADD CONSTRAINT fk_drift_features_episode_id FOREIGN KEY (episode_id) REFERENCES ml.drift_episodes(episode_id);

ALTER TABLE ONLY ml.promotions
    ADD CONSTRAINT fk_promotions_episode_id FOREIGN KEY (episode_id) REFERENCES ml.drift_episodes(episode_id);

ALTER TABLE ONLY raw.batches
    ADD CONSTRAINT fk_batches_load_id FOREIGN KEY (load_id) REFERENCES raw.loads(load_id);
