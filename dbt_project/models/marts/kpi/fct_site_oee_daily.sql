{{ config(tags=['daily'], meta={'range_column': 'date'}) }}

{{ iso22400_summed('site_code') }}
