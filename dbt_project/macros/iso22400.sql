{#
  The columns that ISO 22400-2 computes from time elements and quantities, for a relation with planned_s, working_s,
  idle_s, down_s, execution_s, produced_quantity, scrap_quantity and target_units_per_h. One place for all grains.

  Each figure comes from unrounded values and is rounded once. OEE is availability × effectiveness × quality ratio with
  what cancels cancelled, so that a shift that produced nothing has 0 where its quality ratio is 0 / 0. Units that
  somebody counted while nobody was seen working have no effectiveness, and no OEE.
#}
{% macro iso22400_columns() -%}
    cast(planned_s as numeric(9, 3)) as planned_busy_time_s,
    cast(working_s as numeric(9, 3)) as actual_production_time_s,
    cast(idle_s + down_s as numeric(9, 3)) as actual_unit_delay_time_s,
    cast(down_s as numeric(9, 3)) as failure_delay_time_s,
    cast(working_s + idle_s + down_s as numeric(9, 3)) as actual_unit_busy_time_s,
    cast(planned_s - working_s - idle_s - down_s as numeric(9, 3)) as actual_unit_down_time_s,
    cast(execution_s as numeric(9, 3)) as actual_order_execution_time_s,
    cast(target_units_per_h as numeric(18, 6)) as target_units_per_h,
    cast(round(3600.0 / nullif(target_units_per_h, 0), 6) as numeric(18, 6)) as planned_run_time_per_item_s,
    cast(produced_quantity as bigint) as produced_quantity,
    cast(greatest(produced_quantity - scrap_quantity, 0) as bigint) as good_quantity,
    cast(scrap_quantity as bigint) as scrap_quantity,
    cast(greatest(scrap_quantity - produced_quantity, 0) as bigint) as excess_scrap_quantity,
    cast(round(working_s / nullif(planned_s, 0), 6) as numeric(7, 6)) as availability,
    cast(
        round(produced_quantity * 3600.0 / (nullif(target_units_per_h, 0) * nullif(working_s, 0)), 6)
        as numeric(30, 6)
    ) as effectiveness,
    cast(
        round(greatest(produced_quantity - scrap_quantity, 0) * 1.0 / nullif(produced_quantity, 0), 6)
        as numeric(7, 6)
    ) as quality_ratio,
    cast(
        round(
            case
                when working_s > 0 or produced_quantity = 0
                    then
                        greatest(produced_quantity - scrap_quantity, 0) * 3600.0
                        / (nullif(target_units_per_h, 0) * nullif(planned_s, 0))
            end, 6
        ) as numeric(30, 6)
    ) as oee_index,
    cast(round(working_s / nullif(working_s + idle_s + down_s, 0), 6) as numeric(7, 6)) as utilization_efficiency,
    cast(round(produced_quantity * 3600.0 / nullif(execution_s, 0), 6) as numeric(30, 6)) as throughput_rate
{%- endmacro %}


{#
  OEE of several work units by `key`, from fct_work_unit_iso22400_daily: time elements summed, quantities weighted by the
  planned run time per item, so that the product of the factors is what the sums give, and no mean of ratios. Only work
  units with a planned busy time and a target are in it; how many were left out is told.
#}
{% macro iso22400_summed(key) %}
with units as (

    select
        *,
        planned_busy_time_s is not null and target_units_per_h > 0 as is_measured,
        produced_quantity * 3600.0 / nullif(target_units_per_h, 0) as produced_s,
        good_quantity * 3600.0 / nullif(target_units_per_h, 0) as good_s
    from {{ ref('fct_work_unit_iso22400_daily') }}
    where {{ in_dates('date') }}

),

summed as (

    select
        {{ key }},
        date,
        count(*) filter (where is_measured) as work_unit_count,
        count(*) filter (where is_measured is not true) as left_out_work_unit_count,
        sum(planned_busy_time_s) filter (where is_measured) as planned_s,
        sum(actual_production_time_s) filter (where is_measured) as working_s,
        sum(actual_unit_delay_time_s) filter (where is_measured) as delayed_s,
        sum(produced_s) filter (where is_measured) as produced_s,
        sum(good_s) filter (where is_measured) as good_s,
        sum(produced_quantity) filter (where is_measured) as produced_quantity,
        sum(good_quantity) filter (where is_measured) as good_quantity
    from units
    group by {{ key }}, date

)

select
    {{ key }},
    date,
    work_unit_count,
    left_out_work_unit_count,
    cast(planned_s as numeric(14, 3)) as planned_busy_time_s,
    cast(working_s as numeric(14, 3)) as actual_production_time_s,
    cast(delayed_s as numeric(14, 3)) as actual_unit_delay_time_s,
    cast(working_s + delayed_s as numeric(14, 3)) as actual_unit_busy_time_s,
    cast(planned_s - working_s - delayed_s as numeric(14, 3)) as actual_unit_down_time_s,
    cast(produced_quantity as bigint) as produced_quantity,
    cast(good_quantity as bigint) as good_quantity,
    cast(round(working_s / nullif(planned_s, 0), 6) as numeric(7, 6)) as availability,
    cast(round(produced_s / nullif(working_s, 0), 6) as numeric(30, 6)) as effectiveness,
    cast(round(good_s / nullif(produced_s, 0), 6) as numeric(7, 6)) as quality_ratio,
    cast(
        round(case when working_s > 0 or produced_s = 0 then good_s / nullif(planned_s, 0) end, 6) as numeric(30, 6)
    ) as oee_index,
    cast(round(working_s / nullif(working_s + delayed_s, 0), 6) as numeric(7, 6)) as utilization_efficiency
from summed
{% endmacro %}
