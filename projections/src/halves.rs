//! Work that falls into independent parts, done on two threads when it is much.

/// Items of which two threads take a half each; starting a thread costs as much as some of them.
const WORTH_A_THREAD: usize = 1_000;

/// Runs `run` over all items, in one piece or in two at the same time; gives its results in order.
///
/// # Panics
/// As `run` does.
pub(crate) fn in_halves<T: Sync, R: Send>(items: &[T], run: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    if items.len() < WORTH_A_THREAD {
        return vec![run(items)];
    }
    let (first, second) = items.split_at(items.len() / 2);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| run(second));
        let first = run(first);
        match second.join() {
            Ok(second) => vec![first, second],
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
