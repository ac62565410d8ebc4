//! Work that falls into independent parts, done on two threads when it is much.

/// Items of which two threads take a half each. They are threads of a pool: one that was started for
/// the purpose would have to make its compression contexts and its part of the heap each time.
const WORTH_SHARING: usize = 1_000;

/// Makes the threads, with the priority of the one that calls: some of those that would ask first
/// give way to others.
pub(crate) fn make_ready() {
    rayon::current_num_threads();
}

/// Runs `run` over all items, in one piece or in two at the same time; gives its results in order.
///
/// # Panics
/// As `run` does.
pub(crate) fn in_halves<T: Sync, R: Send>(items: &[T], run: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    if items.len() < WORTH_SHARING {
        return vec![run(items)];
    }
    let (first, second) = items.split_at(items.len() / 2);
    let (first, second) = rayon::join(|| run(first), || run(second));
    vec![first, second]
}
