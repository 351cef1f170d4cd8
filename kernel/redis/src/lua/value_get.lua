-- Answers {value in one shape or nil, milliseconds that it lives, time of the server in microseconds}.
-- KEYS[1] the key: a hash with a field for each shape; ARGV[1] the shape, ARGV[2] the largest size.
-- What lives for ever was not kept by us, and is not there.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local size = redis.pcall('HSTRLEN', KEYS[1], ARGV[1])
if type(size) ~= 'number' or size == 0 or size > tonumber(ARGV[2]) then
    return {false, -1, now}
end
return {redis.call('HGET', KEYS[1], ARGV[1]), redis.call('PTTL', KEYS[1]), now}
