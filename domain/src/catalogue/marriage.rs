//! Marriages, divorces, and what ends a marriage otherwise.

use super::Kind;
use super::entry::*;
use crate::forms::Form;
use crate::items::Item;
use crate::life_event::Role;
use crate::topics::Topic::{Fertility, Household};
use Need::{Optional, Required};

const MARITAL: &[Item] = &[Item::MaritalStatus, Item::MaritalChangeDate];
const CHANGED: Conclusion = always(Sets::Item(Item::MaritalChangeDate), Word::Day);
const FIRST: &[Conclusion] = &[
    always(Sets::Item(Item::MaritalStatus), Word::Is("21")),
    CHANGED,
    always(Sets::Item(Item::FirstMarriageDate), Word::Day),
];
const AGAIN: &[Conclusion] = &[always(Sets::Item(Item::MaritalStatus), Word::Is("22")), CHANGED];
const RESTORED: &[Conclusion] = &[always(Sets::Item(Item::MaritalStatus), Word::Is("23")), CHANGED];
const DIVORCED: &[Conclusion] = &[always(Sets::Item(Item::MaritalStatus), Word::Is("40")), CHANGED];
const WIDOWED: &[Conclusion] = &[always(Sets::Item(Item::MaritalStatus), Word::Is("30")), CHANGED];

const REGISTRAR: DataField =
    field("registration_authority", "登记机关", "Registering authority", Form::Text(200));
const JUDGMENT: DataField =
    field("judgment_no", "法律文书编号", "Number of the judgment", Form::Text(200));

/// A marriage: both persons, the day, the certificate and the authority.
const fn marriage(
    kind: Kind,
    code: &'static str,
    name_zh: &'static str,
    name_en: &'static str,
    follows: &'static [Conclusion],
    deadline: &'static [u16],
) -> Entry {
    posted(kind, code, name_zh, name_en)
        .topics(&[Household, Fertility])
        .fields(&[REGISTRAR])
        .related(&[(Role::Spouse, Required)])
        .changes(MARITAL)
        .authority(&[CIV])
        .channels(&[DX, OW, MR])
        .deadlines(deadline)
        .concludes(follows)
        .concludes_aside(follows)
        .lenient()
}

pub(super) const ROWS: &[Entry] = &[
    marriage(Kind::MarryFirst, "marry_first", "初婚登记", "First marriage", FIRST, &[5]),
    marriage(Kind::MarryAgain, "marry_again", "再婚登记", "Remarriage", AGAIN, &[6]).fields(&[
        REGISTRAR,
        field("previous_marriage_end", "前次婚姻终止日期", "End of the marriage before", Form::Day),
    ]),
    marriage(
        Kind::MarryRestore,
        "marry_restore",
        "复婚登记",
        "Remarriage of the divorced",
        RESTORED,
        &[7],
    ),
    posted(Kind::DivorceReg, "divorce_reg", "登记离婚", "Divorce by registration")
        .topics(&[Household, Fertility])
        .fields(&[
            field("application_date", "申请日期", "Day of the application", Form::Day),
            REGISTRAR,
        ])
        .related(&[(Role::Spouse, Required)])
        .changes(MARITAL)
        .authority(&[CIV])
        .channels(&[DX, OW, MR])
        .deadlines(&[8, 9])
        .concludes(DIVORCED)
        .concludes_aside(DIVORCED)
        .lenient(),
    posted(Kind::DivorceCourt, "divorce_court", "判决/调解离婚", "Divorce by the court")
        .topics(&[Household, Fertility])
        .fields(&[JUDGMENT])
        .related(&[(Role::Spouse, Required)])
        .changes(MARITAL)
        .authority(&[JUD])
        .channels(&[DX, OW])
        .concludes(DIVORCED)
        .concludes_aside(DIVORCED)
        .lenient(),
    // What stood before the marriage stands again: `projections/src/archive/marriage.rs`.
    posted(Kind::MarryVoid, "marry_void", "婚姻无效/撤销", "Marriage void or annulled")
        .topics(&[Household])
        .fields(&[JUDGMENT.required()])
        .related(&[(Role::Spouse, Optional)])
        .changes(MARITAL)
        .authority(&[JUD])
        .channels(&[DX]),
    posted(Kind::Widow, "widow", "丧偶", "Widowed")
        .topics(&[Household])
        .related(&[(Role::Spouse, Optional)])
        .changes(MARITAL)
        .channels(&[VF])
        .concludes(WIDOWED),
];
