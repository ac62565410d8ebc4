//! The same log and disk under `proptest-state-machine`: random transitions, shrunk when one fails.
