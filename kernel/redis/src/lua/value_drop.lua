-- Drops a value in every shape and says so to every process.
-- KEYS[1] the key, KEYS[2] when it was last dropped; ARGV[1] the milliseconds for which that is
-- remembered, ARGV[2] the channel, ARGV[3] the message.
local time = redis.call('TIME')
redis.call('UNLINK', KEYS[1])
redis.call('SET', KEYS[2], string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2])),
    'PX', ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
