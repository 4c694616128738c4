-- wrk script: every thread walks through a file of its own, of whole requests made in advance, and sends none twice.
-- Each request stands behind its length, nine digits. A file that ends is reported, because the rate is then wrong.
local threads = {}

function setup(thread)
   table.insert(threads, thread)
   thread:set("number", #threads)
end

function init(args)
   file = assert(io.open(args[1] .. "." .. number, "rb"))
   is_exhausted = 0
end

function request()
   local size = file:read(9)
   if not size then
      is_exhausted = 1
      wrk.thread:stop()
      return last
   end
   last = file:read(tonumber(size))
   return last
end

function done(summary, latency, requests)
   local exhausted = 0
   for _, thread in ipairs(threads) do exhausted = exhausted + thread:get("is_exhausted") end
   local errors = summary.errors
   io.write(string.format(
      '\nRESULT {"requests": %d, "duration_s": %f, "refused": %d, "connect": %d, "read": %d, "write": %d, ' ..
      '"timeout": %d, "exhausted": %d, "p50_ms": %f, "p99_ms": %f}\n',
      summary.requests, summary.duration / 1e6, errors.status, errors.connect, errors.read, errors.write,
      errors.timeout, exhausted, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
