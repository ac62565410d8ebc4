//! The upstream systems of the county: who reports what, through which channel.

use super::event::{Level, Upstream};

const fn upstream(
    department: &'static str,
    level: Level,
    system: &'static str,
    channel: &'static str,
) -> Upstream {
    Upstream { department, level, system, channel }
}

pub(super) const HOUSEHOLD_REGISTER: Upstream =
    upstream("POL", Level::County, "household-register", "DX");
pub(super) const POLICE: Upstream = upstream("POL", Level::Township, "window", "OW");
pub(super) const HOSPITALS: [Upstream; 3] = [
    upstream("HLT", Level::County, "hospital-1", "DX"),
    upstream("HLT", Level::County, "hospital-2", "DX"),
    upstream("HLT", Level::County, "hospital-3", "DX"),
];
pub(super) const CLINIC: Upstream = upstream("HLT", Level::Township, "clinic", "BZ");
pub(super) const MARRIAGES: Upstream = upstream("CIV", Level::County, "marriage-registry", "DX");
pub(super) const MARRIAGES_AT_WINDOW: Upstream =
    upstream("CIV", Level::County, "marriage-registry", "OW");
pub(super) const COURT: Upstream = upstream("JUD", Level::County, "court", "DX");
pub(super) const ONE_STOP: Upstream = upstream("TWN", Level::Township, "one-stop", "OW");
pub(super) const VISIT: Upstream = upstream("VIL", Level::Village, "visit", "HV");
pub(super) const MONTHLY_REPORT: Upstream = upstream("VIL", Level::Village, "report", "MR");
pub(super) const JOB_CENTRE: Upstream = upstream("HRS", Level::County, "employment", "DX");
pub(super) const SCHOOLS: Upstream = upstream("EDU", Level::County, "schools", "DX");
pub(super) const INSURANCE: Upstream = upstream("MED", Level::County, "insurance", "DX");
pub(super) const MATERNITY: Upstream = upstream("HLT", Level::Township, "maternity", "BZ");
pub(super) const HEALTH: Upstream = upstream("HLT", Level::County, "health-records", "DX");
pub(super) const HEALTH_AT_WINDOW: Upstream =
    upstream("HLT", Level::County, "health-records", "OW");
pub(super) const CIVIL_AFFAIRS: Upstream = upstream("CIV", Level::County, "civil-affairs", "DX");
pub(super) const CIVIL_WINDOW: Upstream = upstream("CIV", Level::County, "civil-affairs", "OW");
pub(super) const LABOUR_WINDOW: Upstream = upstream("HRS", Level::County, "employment", "OW");
pub(super) const BUSINESS_REGISTER: Upstream = upstream("MKT", Level::County, "businesses", "DX");
pub(super) const DISABLED_PERSONS: Upstream = upstream("DPF", Level::County, "certificates", "DX");
pub(super) const ARMED_FORCES: Upstream = upstream("MIL", Level::County, "military-service", "DX");
pub(super) const ARMED_FORCES_AT_WINDOW: Upstream =
    upstream("MIL", Level::County, "military-service", "OW");
pub(super) const VETERANS: Upstream = upstream("VET", Level::County, "veterans", "DX");
pub(super) const IMMIGRATION: Upstream = upstream("IMM", Level::County, "border", "DX");
pub(super) const VERIFICATION: Upstream = upstream("VIL", Level::Village, "verification", "VF");
pub(super) const NEEDS_SERVICE: Upstream = upstream("TWN", Level::Township, "needs", "NS");
pub(super) const SELF_REPORT: Upstream = upstream("TWN", Level::Township, "self-report", "SR");
pub(super) const HOUSEHOLDS_AT_WINDOW: Upstream =
    upstream("POL", Level::Township, "household-window", "OW");
