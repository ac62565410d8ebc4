//! Days as numbers, so that a cube can count them.

pub(crate) use domain::days::{date_of, day_number, day_number_in_china};
