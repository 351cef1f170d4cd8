-- Keeps a value that was loaded after it was last dropped; answers 1 when it is kept.
-- KEYS[1] the key, KEYS[2] when it was last dropped; ARGV[1] the shape, ARGV[2] the value,
-- ARGV[3] its life in milliseconds, ARGV[4] the server's time in microseconds before it was loaded,
-- ARGV[5] the milliseconds for which drops are remembered.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local asked = tonumber(ARGV[4])
if now - asked >= tonumber(ARGV[5]) * 1000 then
    return 0
end
if redis.call('EXISTS', KEYS[2]) == 1 then
    local dropped = redis.pcall('GET', KEYS[2])
    dropped = type(dropped) == 'string' and tonumber(dropped)
    if not (dropped and dropped < asked) then
        return 0
    end
end
-- Another type, or one that lives for ever, is not ours.
if redis.call('PTTL', KEYS[1]) < 0 or redis.call('TYPE', KEYS[1]).ok ~= 'hash' then
    redis.call('UNLINK', KEYS[1])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
-- The first shape starts the clock for all: none lives longer for the other.
if redis.call('PTTL', KEYS[1]) < 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
