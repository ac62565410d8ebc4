//! The dead are judged by the age that they reached, and by the day of their death: who died as a
//! child owes no education and no marital status for ever after.

use domain::rules::Outcome::{Fires, Holds, NotApplicable, NotEvaluated};

use super::edges::Edge;

#[rustfmt::skip]
pub const OF_THE_DEAD: &[Edge] = &[
    // Died on the day before, and on, the sixth birthday.
    ("C10", 3, "3.education_code=null; 3.birth_date=2015-03-02; 3.alive=false; 3.death_date=2021-03-01", NotApplicable),
    ("C10", 3, "3.education_code=null; 3.birth_date=2015-03-02; 3.alive=false; 3.death_date=2021-03-02", Fires),
    ("C14", 2, "2.marital_code=null; 2.birth_date=2000-03-02; 2.alive=false; 2.death_date=2015-03-01", NotApplicable),
    ("C14", 2, "2.marital_code=null; 2.birth_date=2000-03-02; 2.alive=false; 2.death_date=2015-03-02", Fires),
    // Sixty days of life, and 61.
    ("C02", 3, "3.citizen_id=null; 3.birth_date=2020-01-01; 3.alive=false; 3.death_date=2020-03-01", NotApplicable),
    ("C02", 3, "3.citizen_id=null; 3.birth_date=2020-01-01; 3.alive=false; 3.death_date=2020-03-02", Fires),
    ("N01", 3, "3.full_name=a; 3.birth_date=2010-03-02; 3.alive=false; 3.death_date=2017-03-01", NotApplicable),
    ("N02", 3, "3.full_name=a; 3.birth_date=2010-03-02; 3.alive=false; 3.death_date=2017-03-01", Fires),
    ("N01", 3, "3.full_name=a; 3.birth_date=2010-03-02; 3.alive=false; 3.death_date=2017-03-02", Fires),
    ("L04", 2, "2.marital_code=21; 2.birth_date=2000-03-02; 2.alive=false; 2.death_date=2015-03-01", Fires),
    ("L04", 2, "2.marital_code=21; 2.birth_date=2000-03-02; 2.alive=false; 2.death_date=2015-03-02", Holds),
    ("L12", 2, "2.education_code=71; 2.birth_date=2000-03-02; 2.alive=false; 2.death_date=2013-03-01", Fires),
    ("L12", 2, "2.education_code=71; 2.birth_date=2000-03-02; 2.alive=false; 2.death_date=2013-03-02", Holds),
    ("L13", 2, "2.employment_status=54; 2.birth_date=2000-03-02; 2.alive=false; 2.death_date=2016-03-01", Fires),
    ("L13", 2, "2.employment_status=54; 2.birth_date=2000-03-02; 2.alive=false; 2.death_date=2016-03-02", Holds),
    // A soldier who fell at 40 and would be 76 is none of over 65 years.
    ("L14", 0, "0.employment_status=37; 0.birth_date=1950-03-02; 0.alive=false; 0.death_date=1990-03-02", Holds),
    ("L14", 0, "0.employment_status=37; 0.birth_date=1950-03-02; 0.alive=false; 0.death_date=2016-03-01", Holds),
    ("L14", 0, "0.employment_status=37; 0.birth_date=1950-03-02; 0.alive=false; 0.death_date=2016-03-02", Fires),
    ("L16", 0, "0.employment_status=80; 0.birth_date=1950-03-02; 0.alive=false; 0.death_date=1995-03-01", Fires),
    ("L16", 0, "0.employment_status=80; 0.birth_date=1950-03-02; 0.alive=false; 0.death_date=1995-03-02", Holds),
    ("R06", 0, "0.migration_date=1960-05-01; 0.alive=false; 0.death_date=2001-04-30", Holds),
    ("R06", 0, "0.migration_date=1960-05-01; 0.alive=false; 0.death_date=2001-05-01", Fires),
    // Who died within 60 days of the husband or wife could not be registered as widowed.
    ("X26", 0, "1.death_date=2020-01-01; 0.alive=false; 0.death_date=2020-03-01", Holds),
    ("X26", 0, "1.death_date=2020-01-01; 0.alive=false; 0.death_date=2020-03-02", Fires),
    // A death that has not come makes nobody older than today.
    ("C10", 3, "3.education_code=null; 3.birth_date=2021-03-02; 3.alive=false; 3.death_date=2031-03-02", NotApplicable),
    // Dates in the future are asked by today, of whoever they are.
    ("N22", 0, "0.migration_date=2026-11-23; 0.alive=false; 0.death_date=2020-01-01", Holds),
    ("N22", 0, "0.migration_date=2026-11-24; 0.alive=false; 0.death_date=2020-01-01", Fires),
    ("L20", 0, "0.alive=false; 0.death_date=2026-11-23", Holds),
    ("L20", 0, "0.alive=false; 0.death_date=2026-11-24", Fires),
    // When the day of death is not known, nobody can tell how old they became.
    ("C10", 0, "0.alive=false", NotEvaluated),
    ("C02", 0, "0.citizen_id=null; 0.alive=false", NotEvaluated),
    ("R06", 0, "0.migration_date=1960-05-01; 0.alive=false", NotEvaluated),
];
