//! A value that a GPU callback sets once and that any number of tasks can await.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// Shares one value between the callback that sets it and the tasks that wait for it; the first value stays.
#[derive(Debug)]
pub(crate) struct Signal<T>(Arc<Mutex<State<T>>>);

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    waiting: Vec<Waker>,
}

impl<T: Clone> Signal<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { value: None, waiting: Vec::new() })))
    }

    pub(crate) fn set(&self, value: T) {
        let waiting = self.with(|state| {
            state.value.get_or_insert(value);
            std::mem::take(&mut state.waiting)
        });
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn get(&self) -> Option<T> {
        self.with(|state| state.value.clone())
    }

    fn with<R>(&self, work: impl FnOnce(&mut State<T>) -> R) -> R {
        // A poisoned lock is as good as any: no work under it can leave the state half changed.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Clone for Signal<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Future for Signal<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.with(|state| {
            if let Some(value) = &state.value {
                return Poll::Ready(value.clone());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
    }
}
