//! What is left of masked values, case by case.

use api::access::masks;
use domain::Item;

#[test]
fn a_mask_leaves_what_its_table_says() {
    for (item, value, left) in [
        (Item::FullName, "张小明", Some("张**")),
        (Item::FullName, "张明", Some("张**")),
        (Item::FullName, "欧阳修", Some("欧阳**")),
        (Item::FullName, "欧阳", Some("欧**")),
        (Item::FullName, "阿卜杜拉·买买提", Some("阿**")),
        (Item::FullName, "张", Some("**")),
        (Item::FullName, "", Some("**")),
        (Item::CitizenId, "99010119700101001X", Some("990****001X")),
        // Short numbers would be told by what is left of them.
        (Item::CitizenId, "E9900000", Some("****")),
        (Item::BirthDate, "1970-01-01", Some("1970-**-**")),
        (Item::BirthDate, "unknown", Some("**-**-**")),
        (Item::Phone, "13900000123", Some("139****0123")),
        (Item::Phone, "0571-123", Some("****")),
        (Item::ResidenceAddress, "虚构县东乡红星村3组12号", Some("虚构县东乡红星村**")),
        (Item::ResidenceAddress, "虚构县城关镇人民路12号", Some("虚构县城关镇**")),
        (Item::ResidenceAddress, "阳光社区", Some("**")),
        (Item::ResidenceAddress, "虚构县东乡红星村委会3组", Some("虚构县东乡红星村**")),
        (Item::ResidenceAddress, "虚构县镇西街道乡音里7号", Some("虚构县镇**")),
        (Item::ResidenceAddress, "虚构县居仁路社学巷居委会5号", Some("虚构县居仁路社学巷居委会**")),
        (Item::ResidenceAddress, "人民路12号", Some("**")),
        (Item::DoorPlate, "12号", Some("**")),
        (Item::HouseholdId, "H990101000123", Some("****0123")),
        (Item::HouseholdId, "H99-1", Some("****")),
        // Of a code, any rest would be the whole.
        (Item::Sex, "1", None),
        (Item::Health, "10", None),
        (Item::Employer, "虚构纺织厂", None),
    ] {
        assert_eq!(masks::of_item(item, value).as_deref(), left, "{}: {value}", item.name());
    }
    assert_eq!(masks::number_in_list("99010119700101001X"), "**************001X");
    assert_eq!(masks::number_in_list("E990"), "**************");
    for (field, value, left) in [
        ("disability_certificate_no", "99010119700101001X42", Some("****1X42")),
        ("former_name", "王大锤", Some("王**")),
        ("stage", "primary", None),
    ] {
        assert_eq!(masks::of_field(field, value).as_deref(), left, "{field}: {value}");
    }
}

#[test]
fn no_mask_tells_how_long_a_free_text_is() {
    for item in [Item::FullName, Item::ResidenceAddress, Item::Phone, Item::HouseholdId] {
        let masked = |length| masks::of_item(item, &"9".repeat(length)).unwrap();
        assert_eq!(masked(20), masked(30), "{}", item.name());
    }
}
