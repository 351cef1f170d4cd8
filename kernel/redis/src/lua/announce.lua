-- Notes that an instance is alive, and forgets those that are long gone.
-- KEYS[1] what instances say of themselves, by id; KEYS[2] until when they count as alive, by id, in
-- microseconds of the server's clock, negative when it has left. ARGV[1] the id, ARGV[2] what it says of itself,
-- ARGV[3] the milliseconds until it lapses, ARGV[4] the milliseconds for which the gone are known,
-- ARGV[5] the channel on which a change is told.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
for _, key in ipairs(KEYS) do
    local kind = redis.call('TYPE', key).ok
    if kind ~= 'hash' and kind ~= 'none' then
        redis.call('UNLINK', key)
    end
end
-- A heartbeat that was under way when its instance said goodbye.
if (tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0) or 0) < 0 then
    return 0
end
local known = redis.call('HGET', KEYS[1], ARGV[1])
local alive_until = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0) or 0
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now + tonumber(ARGV[3]) * 1000))
if redis.call('HLEN', KEYS[2]) <= 4096 then
    local beats = redis.call('HGETALL', KEYS[2])
    for i = 1, #beats, 2 do
        -- The time of a goodbye is negative.
        local at = math.abs(tonumber(beats[i + 1]) or 0)
        if not (at + tonumber(ARGV[4]) * 1000 > now) then
            redis.call('HDEL', KEYS[1], beats[i])
            redis.call('HDEL', KEYS[2], beats[i])
        end
    end
end
for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, ARGV[4])
end
if known ~= ARGV[2] or alive_until < now then
    redis.call('PUBLISH', ARGV[5], '')
end
return 1
