//! The audit rules, against the table and the vectors of their specification and at their edges.

mod areas;
mod edges;
mod edges_alone;
mod edges_of_the_dead;
mod edges_together;
mod house;
mod missing;
mod table;
mod vectors;
