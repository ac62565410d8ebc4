//! The embedded code tables: national standards and, where none exists, the registry's own.

use std::sync::LazyLock;

/// One row: the code and its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// As the standard writes it, leading zeros kept.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name; may be empty.
    pub name_en: String,
}

/// A closed list of codes in the order of its standard.
pub struct CodeTable {
    name: &'static str,
    rows: Vec<Code>,
    /// The number that the registry's rules need of a row, where the table has one.
    numbers: Vec<Option<u8>>,
    /// Places in `rows`, in the order of the packed codes.
    sorted: Vec<(u32, u16)>,
}

impl CodeTable {
    fn read(name: &'static str, text: &str) -> Self {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headers = reader.headers().expect("the embedded table was read by a test");
        let number_at = headers.iter().position(|header| NUMBERS.contains(&header));
        let (mut rows, mut numbers) = (Vec::new(), Vec::new());
        for row in reader.records() {
            let row = row.expect("the embedded table was read by a test");
            numbers.push(number_at.and_then(|at| row[at].parse().ok()));
            rows.push(Code {
                code: row[0].to_owned(),
                name_zh: row[1].to_owned(),
                name_en: row[2].to_owned(),
            });
        }
        let pack = |row: &Code| packed(&row.code).expect("codes have four characters at most");
        let mut sorted: Vec<_> = rows.iter().map(pack).zip(0..).collect();
        sorted.sort_unstable();
        Self { name, rows, numbers, sorted }
    }

    /// Its name, that of its static.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The row of a code.
    pub fn find(&self, code: &str) -> Option<&Code> {
        self.place(code).map(|at| &self.rows[at])
    }

    /// The number in the row of a code: of [`EDUCATION`] the least age in years at which one can
    /// have it, of [`RELATION_TO_HEAD`] the sex that it implies (GB/T 2261.1), if it implies one.
    /// Both are the registry's own.
    pub fn number(&self, code: &str) -> Option<u8> {
        self.numbers[self.place(code)?]
    }

    fn place(&self, code: &str) -> Option<usize> {
        let wanted = packed(code)?;
        let at = self.sorted.partition_point(|(packed, _)| *packed < wanted);
        let place = usize::from(self.sorted.get(at)?.1);
        // Compared once more: the number of a code does not tell its length.
        (self.rows[place].code == code).then_some(place)
    }

    /// Every row.
    pub fn rows(&self) -> &[Code] {
        &self.rows
    }
}

/// The columns that [`CodeTable::number`] reads.
const NUMBERS: [&str; 2] = ["min_age_ours", "implied_sex"];

/// A code of one to four bytes as a number; no code of the tables is longer.
fn packed(code: &str) -> Option<u32> {
    let fits = (1..=4).contains(&code.len());
    fits.then(|| code.bytes().fold(0, |sum, byte| sum << 8 | u32::from(byte)))
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $($(#[$doc])* pub static $name: LazyLock<CodeTable> =
            LazyLock::new(|| {
                CodeTable::read(stringify!($name), include_str!(concat!("../codes/", $file)))
            });)*
        /// Every table with its name, for the catalogue and for tests.
        pub static ALL: &[(&str, &LazyLock<CodeTable>)] = &[$((stringify!($name), &$name)),*];
    };
}

tables! {
    /// Sex, GB/T 2261.1-2003.
    SEX = "sex_gbt2261_1.csv";
    /// Ethnic groups, GB/T 3304-1991.
    ETHNIC_GROUP = "ethnic_gbt3304.csv";
    /// Marital status, GB/T 2261.2-2003.
    MARITAL_STATUS = "marital_gbt2261_2.csv";
    /// Health, GB/T 2261.3-2003.
    HEALTH = "health_gbt2261_3.csv";
    /// Employment status, GB/T 2261.4-2003.
    EMPLOYMENT_STATUS = "employment_status_gbt2261_4.csv";
    /// Education, GB/T 4658-2006.
    EDUCATION = "education_gbt4658.csv";
    /// Relation to the head of household, GB/T 4761-2008.
    RELATION_TO_HEAD = "relation_head_gbt4761.csv";
    /// Kind of household registration; 1 is non-agricultural here, unlike the 2010 census form.
    HUKOU_NATURE = "hukou_nature_ours.csv";
    /// Countries, GB/T 2659 (ISO 3166-1 alpha-3).
    COUNTRY = "countries_gbt2659_iso3166.csv";
    /// Collection channels.
    CHANNEL = "collection_channel_ours.csv";
    /// Source departments.
    DEPARTMENT = "source_department_ours.csv";
    /// Why an entry of the household register is changed, GA/T 2000.24-2014, as far as known.
    REGISTER_CHANGE = "register_change_ga2000_24.csv";
    /// Why people move, GB/T 31000-2015.
    MIGRATION_REASON = "migration_reason_gbt31000.csv";
    /// Kinds of dwellings, GB/T 31000-2015.
    DWELLING = "dwelling_type_gbt31000.csv";
    /// Methods of contraception, for voluntary services only.
    CONTRACEPTIVE = "contraceptive_method_ours.csv";
    /// Kinds of disability, digit 19 of the certificate number.
    DISABILITY = "disability_type_cdpf.csv";
    /// Levels of disability, digit 20 of the certificate number.
    DISABILITY_LEVEL = "disability_level_cdpf.csv";
    /// The five categories of needs.
    NEED = "need_category_ours.csv";
}
