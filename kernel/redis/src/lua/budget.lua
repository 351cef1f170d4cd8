-- GCRA: counts one request of a key if it is allowed.
-- KEYS[1] the key; ARGV[1] the time in which one request is earned back, ARGV[2] the burst.
-- Times are microseconds of the server's clock. Answers {allowed, remaining, wait}.
-- What is stored is the time at which the whole burst is there again.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])

local whole = now
local size = redis.pcall('STRLEN', KEYS[1])
if type(size) == 'number' and size > 0 and size < 32 then
    local stored = tonumber(redis.call('GET', KEYS[1]))
    -- Also false for what is no number at all.
    if stored and stored > now then
        -- More than the burst is never owed: a quota was lowered, a clock set back, or it is garbage.
        whole = math.min(stored, now + interval * burst)
    end
end

local wait = whole + interval - interval * burst - now
if wait > 0 then
    return {0, 0, wait}
end
whole = whole + interval
redis.call('SET', KEYS[1], string.format('%.0f', whole),
    'PX', string.format('%.0f', math.ceil((whole - now) / 1000)))
return {1, math.floor((interval * burst - (whole - now)) / interval), 0}
