{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

with summed as (

    {{ iso22400_summed('site_code, work_center_code') | indent }}

)

select * from summed
where work_center_code is not null
