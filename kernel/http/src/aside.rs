//! What a task waits for beside its main work, without looking at it every time.
//!
//! A connection is polled for every request, and what may end it from outside (the server stops, nobody
//! uses it) has something to say once in its life. Looking at that each time takes locks and passes on
//! wakers; here a bell is looked at instead, which whatever is waited for rings.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future that is polled when it has been woken, and not whenever the task is that it is part of.
pub(crate) struct Aside<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    /// The bell's.
    waker: Waker,
    /// The task that the bell wakes.
    task: Option<Waker>,
}

struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F> Aside<F> {
    pub(crate) fn new(future: F) -> Self {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::default() });
        let waker = Waker::from(Arc::clone(&bell));
        Self { future: Box::pin(future), bell, waker, task: None }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        // The task stays known: it may have answered this ring already, and must hear the next.
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<F: Future> Future for Aside<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        if !this.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            let mut task = this.bell.task.lock().unwrap_or_else(PoisonError::into_inner);
            *task = Some(cx.waker().clone());
            this.task.clone_from(&task);
        }
        // Only now that the task is known: whoever rings later wakes it.
        let rung =
            this.bell.rung.load(Ordering::Acquire) && this.bell.rung.swap(false, Ordering::AcqRel);
        if !rung {
            return Poll::Pending;
        }
        this.future.as_mut().poll(&mut Context::from_waker(&this.waker))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;

    use tokio::sync::{Notify, mpsc, oneshot};
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn it_is_looked_at_when_it_was_woken() {
        let looks = Rc::new(Cell::new(0));
        let (ring, mut bell) = mpsc::unbounded_channel();
        let counted = Rc::clone(&looks);
        let mut aside = Aside::new(poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            bell.poll_recv(cx)
        }));
        for _ in 0..5 {
            assert!(futures_util::poll!(&mut aside).is_pending());
        }
        assert_eq!(looks.get(), 1);
        ring.send("over").unwrap();
        assert_eq!(aside.await, Some("over"));
        assert_eq!(looks.get(), 2);
    }

    #[tokio::test]
    async fn a_task_is_woken_each_time_and_by_whichever_polls_it() {
        for _ in 0..1_000 {
            let (send, receive) = oneshot::channel();
            let bell = Arc::new(Notify::new());
            let mut aside = Aside::new({
                let bell = Arc::clone(&bell);
                async move {
                    bell.notified().await;
                    receive.await.unwrap();
                }
            });
            // Known to this task first, and then to another one.
            assert!(futures_util::poll!(&mut aside).is_pending());
            let mut other = JoinSet::new();
            other.spawn(aside);
            let ringer = tokio::task::spawn_blocking(move || {
                bell.notify_one();
                send.send(()).unwrap();
            });
            other.join_next().await.unwrap().unwrap();
            ringer.await.unwrap();
        }
    }
}
