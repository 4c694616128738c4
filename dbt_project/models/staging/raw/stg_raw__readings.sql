-- No CTEs here: PostgreSQL keeps a view that has one as a subquery of its own, and the signals that a query asks for
-- would not reach the primary key. Measured: the features of one equipment took the readings of all.
{{ staged_readings(source('raw', 'readings')) }}
