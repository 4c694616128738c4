"""How sure a stream of models has been lately, in the words of S1-056. The figures themselves are the marts' matter."""

from msgspec import Struct

from ingestion_api.read_store import Row

# S1-059..061: under 0.75 critical, up to 0.85 warning, above it healthy.
CRITICAL_BELOW, HEALTHY_ABOVE = 0.75, 0.85
SPAN_H = 24

# Sums, not the mean of means: an hour counts by its samples. The newest day that has data, however long ago it was.
QUERY = f"""
    with newest as (
        select max(hour) as hour from marts.fct_model_health_hourly where site_code = :site_code and stream = :stream
    )
    select
        sum(confidence_sum) / nullif(sum(sample_count), 0) as avg_confidence,
        coalesce(sum(sample_count), 0) as samples
    from marts.fct_model_health_hourly cross join newest
    where site_code = :site_code and stream = :stream
        and fct_model_health_hourly.hour > newest.hour - interval '{SPAN_H} hours'
"""


class ModelHealth(Struct, frozen=True, kw_only=True):
    """The body of S1-056, exactly. `avg_confidence` is 0 to 1, null without samples."""

    status: str
    avg_confidence: float | None
    samples: int
    message: str


def judge(row: Row) -> ModelHealth:
    """Name the band of an average (D12)."""
    average = None if row["avg_confidence"] is None else float(row["avg_confidence"])
    if average is None:
        status, message = "Unknown", "No confidence has been recorded yet"
    elif average < CRITICAL_BELOW:
        status, message = "Critical", "Model confidence is too low: retrain the model"
    elif average <= HEALTHY_ABOVE:
        status, message = "Warning", "Model confidence is falling: monitor the model"
    else:
        status, message = "Healthy", "Model confidence is within acceptable range"
    rounded = None if average is None else round(average, 4)
    return ModelHealth(status=status, avg_confidence=rounded, samples=int(row["samples"]), message=message)
