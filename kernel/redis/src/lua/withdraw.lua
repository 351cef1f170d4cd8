-- Notes that an instance has left. KEYS and ARGV[1] as in announce.lua; ARGV[2] the milliseconds for
-- which the gone are known, ARGV[3] the channel on which a change is told.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
redis.pcall('HDEL', KEYS[1], ARGV[1])
redis.pcall('HSET', KEYS[2], ARGV[1], string.format('%.0f', -now))
redis.pcall('PEXPIRE', KEYS[2], ARGV[2])
redis.call('PUBLISH', ARGV[3], '')
return 1
