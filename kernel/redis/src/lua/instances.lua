-- The instances of a service: a flat list of id, state (1 alive, 0 lapsed, -1 left) and what the
-- instance says of itself. KEYS as in announce.lua; ARGV[1] the most instances, ARGV[2] the largest
-- description in bytes.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
if redis.call('HLEN', KEYS[2]) > tonumber(ARGV[1]) then
    return redis.error_reply('ERR there are too many instances')
end
local found = {}
local beats = redis.call('HGETALL', KEYS[2])
for i = 1, #beats, 2 do
    local id, at = beats[i], tonumber(beats[i + 1])
    local size = redis.call('HSTRLEN', KEYS[1], id)
    if at and #id <= 64 and size <= tonumber(ARGV[2]) then
        local state = (at < 0 and -1) or (at > now and 1) or 0
        found[#found + 1] = id
        found[#found + 1] = state
        found[#found + 1] = redis.call('HGET', KEYS[1], id) or ''
    end
end
return found
