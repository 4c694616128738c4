"""One example for each body of the API, as its description shows them. Data only."""

from typing import Any

_BATCH_ID = "0b6b1f0e-6d1c-4c53-9c0e-6f3f7a3f8a11"

_RECEIPT: dict[str, Any] = {
    "batch_id": _BATCH_ID,
    "batch_seq": 42,
    "kind": "readings",
    "idempotency_key": "spool-7-000042",
    "received_at": "2026-02-06T10:30:01.250000Z",
    "accepted": 999,
    "quarantined": 1,
    "refused": [
        {
            "index": 17,
            "reason_code": "unknown_equipment",
            "detail": "equipment_code 'pump-9' is not registered: PUT /api/v1/equipment/…, then release the item",
        }
    ],
}

_LOSS: dict[str, Any] = {
    "client_id": "8f1f0f52-2c0a-4a0c-9d0e-0c6f0b7a3f11",
    "kind": "readings",
    "reason": "spool_full_oldest",
    "lost_total": 1250,
    "first_at": "2026-02-06T10:30:00Z",
    "last_at": "2026-02-06T11:10:00Z",
}

_ABOUT: dict[str, Any] = {
    "rule_code": "bearing-hot",
    "equipment_code": "pump-1",
    "metric": "bearing_temperature",
    "severity": "critical",
}
_ALARM: dict[str, Any] = {
    "alarm_id": 3,
    **_ABOUT,
    "state": "raised",
    "raised_at": "2026-02-06T10:30:10Z",
    "raised_value": 85.0,
    "acknowledged_at": None,
    "acknowledged_by": None,
    "cleared_at": None,
    "batch_seq": 1043,
}
_CHANGE: dict[str, Any] = {
    "change_seq": 5,
    "alarm_id": 3,
    "transition": "raised",
    "changed_at": "2026-02-06T10:30:10Z",
    "value": 85.0,
    "changed_by": None,
    **_ABOUT,
}
_LIVE: dict[str, Any] = {
    "equipment_code": "pump-1",
    "metric": "bearing_temperature",
    "value": 85.0,
    "unit_code": "Cel",
    "quality": 1.0,
    "event_time": "2026-02-06T10:30:10Z",
    "received_at": "2026-02-06T10:30:10.4Z",
    "alarms": [_ALARM],
}

EXAMPLES: dict[str, Any] = {
    "stream": 'id: 1043.4\nevent: readings\ndata: {"batch_seq":1043,"received_at":"…","readings":[]}\n\n',
    "Alarm": _ALARM,
    "AlarmPage": {"items": [_ALARM], "next_after": None},
    "AlarmChangePage": {"items": [_CHANGE], "next_after": None},
    "LivePage": {"items": [_LIVE], "next_cursor": None},
    "readings": {
        "readings": [
            {
                "equipment_code": "pump-1",
                "metric": "bearing_temperature",
                "value": 61.4,
                "unit_code": "Cel",
                "event_time": "2026-02-06T10:30:00Z",
                "quality": 0.98,
            }
        ]
    },
    "events": {
        "events": [
            {
                "source_code": "camera-3",
                "event_type": "working",
                "event_time": "2026-02-06T10:30:00Z",
                "work_unit_code": "S3",
                "worker_code": "W114",
                "duration_s": 1800,
                "units_produced": 45,
                "confidence": 0.93,
            },
            {
                "source_code": "press-3",
                "event_type": "down",
                "event_time": "2026-02-06T11:00:00Z",
                "work_unit_code": "S3",
                "duration_s": 600,
            },
            {
                "source_code": "gauge-3",
                "event_type": "scrap_count",
                "event_time": "2026-02-06T11:15:00Z",
                "work_unit_code": "S3",
                "units_produced": 2,
            },
        ]
    },
    "BatchReceipt": _RECEIPT,
    "Problem": {
        "type": "urn:millrace:problem:too-large",
        "title": "The batch is too large",
        "status": 413,
        "detail": "the batch holds 1200 items; at most 1000 are taken at once",
        "instance": "/api/v1/readings",
        "request_id": "req-5f0c2a9be1d34c77",
    },
    "LossReport": _LOSS,
    "Loss": {**_LOSS, "loss_id": 7, "credential": "edge-7", "reported_at": "2026-02-06T11:12:00Z"},
    "ModelHealth": {
        "status": "Healthy",
        "avg_confidence": 0.9245,
        "samples": 100,
        "message": "Model confidence is within acceptable range",
    },
    "Cursors": {"readings": 1042, "events": 987, "registry": 61, "alarms": 214},
    "Health": {"status": "ready"},
    "Site": {"name": "Hamburg", "time_zone": "Europe/Berlin"},
    "WorkCenter": {"name": "Line A", "area_code": "hall-1"},
    "WorkUnit": {"name": "Assembly 3", "work_center_code": "line-a", "target_units_per_h": 90},
    "Equipment": {"name": "Feed pump", "equipment_class": "pump", "work_unit_code": "S3"},
    "Signal": {"unit_code": "Cel", "low_limit": -20, "high_limit": 150},
    "Worker": {"department": "assembly", "shift_code": "night", "active_since": "2025-09-01T00:00:00Z"},
    "Shift": {"name": "Night", "starts_at_local": "22:00", "ends_at_local": "06:00"},
    "AlarmRule": {
        "name": "Bearing too hot",
        "equipment_class": "pump",
        "metric": "bearing_temperature",
        "kind": "limit",
        "severity": "critical",
        "operator": ">=",
        "limit": 85,
        "duration_s": 10,
        "hysteresis": 2,
    },
    "ReleaseRequest": {"reason_code": "unknown_equipment"},
    "Released": {"released": 12, "batch_ids": [_BATCH_ID], "refused": [], "next_after": None},
}
