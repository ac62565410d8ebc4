//! What is wrong with what somebody sent: one rule, in both languages, with the place of the fault.
//!
//! A text of a fault never repeats the value it is about, so that it may be logged.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::citizen_number::CitizenNumberError;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// JSON pointer (RFC 6901) into the event, such as `/data/items/sex`; empty for the whole.
    pub pointer: String,
    /// Stable name of the rule, never translated.
    pub code: Cow<'static, str>,
    /// What is wrong, in Chinese.
    pub zh: Cow<'static, str>,
    /// What is wrong, in English.
    pub en: Cow<'static, str>,
}

impl Fault {
    /// A fault of the whole; see [`Fault::at`].
    pub fn new(code: &'static str, zh: &'static str, en: &'static str) -> Self {
        Self { pointer: String::new(), code: code.into(), zh: zh.into(), en: en.into() }
    }

    /// The same fault at a place.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }

    /// Why a text is no citizen number.
    pub fn citizen_number(error: &CitizenNumberError) -> Self {
        let zh = match error {
            CitizenNumberError::Length(_) => "公民身份号码应为18位(1999年前为15位)",
            CitizenNumberError::NotADigit(_) => "公民身份号码含非数字字符",
            CitizenNumberError::ForeignPermanentResident => "以9开头的是外国人永久居留证号码",
            CitizenNumberError::RegionNeverIssued => "前六位从未作为行政区划代码使用",
            CitizenNumberError::NotADate => "第7至14位不是日期",
            CitizenNumberError::BornInFuture => "出生日期晚于今天",
            CitizenNumberError::Checksum => "校验码不符",
        };
        Self {
            pointer: String::new(),
            code: "not_a_citizen_number".into(),
            zh: zh.into(),
            en: error.to_string().into(),
        }
    }
}
