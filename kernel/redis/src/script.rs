//! Scripts, which Redis runs as one step.

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, FromRedisValue, RedisError, Script, ServerErrorKind, ToRedisArgs, cmd};

/// A script, called by its hash. A server that does not know it (a new one, or its scripts were
/// flushed) is sent the text and runs it in the same step: it cannot be forgotten in between.
#[derive(Debug)]
pub(crate) struct Lua {
    text: &'static str,
    hash: String,
}

/// A script with its keys and arguments.
pub(crate) struct Call<'a> {
    lua: &'a Lua,
    keys: usize,
    words: Vec<Vec<u8>>,
}

impl Lua {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text, hash: Script::new(text).get_hash().to_owned() }
    }

    /// A call with these keys.
    pub(crate) fn on<const N: usize>(&self, keys: [&str; N]) -> Call<'_> {
        let words = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        Call { lua: self, keys: N, words }
    }
}

impl Call<'_> {
    /// The same with one more argument.
    pub(crate) fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        self.words.extend(arg.to_redis_args());
        self
    }

    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<T, RedisError> {
        let answer = self.send("EVALSHA", &self.lua.hash, connection).await;
        let unknown = ErrorKind::Server(ServerErrorKind::NoScript);
        match answer {
            Err(error) if error.kind() == unknown => {
                self.send("EVAL", self.lua.text, connection).await
            }
            answer => answer,
        }
    }

    async fn send<T: FromRedisValue>(
        &self,
        how: &str,
        script: &str,
        connection: &mut MultiplexedConnection,
    ) -> Result<T, RedisError> {
        let mut command = cmd(how);
        command.arg(script).arg(self.keys).arg(&self.words);
        command.query_async(connection).await
    }
}
