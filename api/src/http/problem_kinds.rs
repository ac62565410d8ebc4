//! The kinds of problems: status, code and title of each, once.

use axum::http::StatusCode;

use super::problem::ProblemKind;

const fn kind(status: u16, code: &'static str, zh: &'static str, en: &'static str) -> ProblemKind {
    ProblemKind { status, code, zh, en }
}

/// The request could not be understood.
pub static BAD_REQUEST: ProblemKind =
    kind(400, "bad_request", "请求无法识别", "the request could not be understood");
/// The CloudEvents envelope is broken.
pub static BAD_ENVELOPE: ProblemKind =
    kind(400, "bad_envelope", "事件信封不合规范", "the event envelope is malformed");
/// A stream cannot be atomic.
pub static STREAM_NOT_ATOMIC: ProblemKind = kind(
    400,
    "stream_not_atomic",
    "逐行流没有终点可等,不能整体提交",
    "a stream of lines has no end to wait for and cannot be atomic",
);
/// A read about a person lacks its purpose.
pub static PURPOSE_REQUIRED: ProblemKind =
    kind(400, "purpose_required", "查阅须说明用途", "a purpose is required");
/// No token.
pub static TOKEN_REQUIRED: ProblemKind =
    kind(401, "token_required", "须出示访问令牌", "an access token is required");
/// A token that is not, or no longer, good.
pub static INVALID_TOKEN: ProblemKind =
    kind(401, "invalid_token", "访问令牌无效", "the access token is not valid");
/// The role does not allow it.
pub static NOT_ALLOWED: ProblemKind =
    kind(403, "not_allowed", "该角色无权进行此操作", "the role does not allow this");
/// The purpose is not among those granted.
pub static PURPOSE_NOT_GRANTED: ProblemKind = kind(
    403,
    "purpose_not_granted",
    "令牌未授予该用途",
    "the purpose is not among those granted to the token",
);
/// The reader may not keep a read from the person on this basis.
pub static HIDING_NOT_ALLOWED: ProblemKind = kind(
    403,
    "hiding_not_allowed",
    "该部门或角色无权以此依据暂缓告知",
    "the department or the role may not keep a read from the person on this basis",
);
/// The reader was told of as many persons as they may without a second person's word.
pub static APPROVAL_REQUIRED: ProblemKind = kind(
    403,
    "approval_required",
    "查阅人数已达上限,须另一人审批后方可继续",
    "so many persons were told of that a second person must approve before there are more",
);
/// The event's source or place lies outside the sender's grant.
pub static OUTSIDE_GRANT: ProblemKind = kind(
    403,
    "outside_grant",
    "来源或地点超出授权范围",
    "the source or the place lies outside the grant",
);
/// Nothing here.
pub static NOT_FOUND: ProblemKind =
    kind(404, "not_found", "没有这个资源", "there is no such resource");
/// Another method is due.
pub static METHOD_NOT_ALLOWED: ProblemKind =
    kind(405, "method_not_allowed", "该资源不支持此方法", "the resource does not have this method");
/// The body came too slowly.
pub static BODY_TOO_SLOW: ProblemKind =
    kind(408, "body_too_slow", "请求内容发送过慢", "the body was sent too slowly");
/// Same source and id, other content.
pub static CONFLICT: ProblemKind = kind(
    409,
    "conflict",
    "同一来源和编号已登记过不同内容",
    "the same source and id were recorded before with other content",
);
/// Somebody was here, and is erased.
pub static ERASED: ProblemKind =
    kind(410, "erased", "此人档案已依法删除", "the record was erased by lawful order");
/// Too many bytes.
pub static BODY_TOO_LARGE: ProblemKind =
    kind(413, "body_too_large", "请求内容过大", "the body is too large");
/// Too many events in one batch.
pub static TOO_MANY_EVENTS: ProblemKind =
    kind(413, "too_many_events", "一批事件过多", "the batch holds too many events");
/// No mode of sending events.
pub static UNKNOWN_MEDIA_TYPE: ProblemKind =
    kind(415, "unknown_media_type", "不支持该媒体类型", "the media type is not supported");
/// A household under which too many ever stood to be put together for another day.
pub static HOUSEHOLD_TOO_LARGE: ProblemKind = kind(
    422,
    "household_too_large",
    "该户人数过多,无法还原",
    "the household is too large to be put together",
);
/// The address of the request is too long.
pub static ADDRESS_TOO_LONG: ProblemKind =
    kind(414, "address_too_long", "请求地址过长", "the address of the request is too long");
/// Too many bad tokens came from the same address.
pub static LOCKED_OUT: ProblemKind = kind(
    429,
    "locked_out",
    "该地址出示的无效令牌过多,请稍后重试",
    "too many bad tokens came from this address, try again later",
);
/// The token is used more often than it may be.
pub static TOO_OFTEN: ProblemKind =
    kind(429, "too_often", "请求过于频繁,请稍后重试", "requests come too often, try again later");
/// More or longer headers than are read.
pub static HEADERS_TOO_LARGE: ProblemKind =
    kind(431, "headers_too_large", "请求头过多或过长", "the headers are too many or too long");
/// The event breaks rules.
pub static REJECTED: ProblemKind =
    kind(422, "rejected", "事件未通过检查", "the event breaks rules and was refused");
/// Our fault.
pub static INTERNAL: ProblemKind = kind(500, "internal", "服务内部错误", "the service failed");
/// Too busy.
pub static OVERLOADED: ProblemKind =
    kind(503, "overloaded", "服务繁忙,请稍后重试", "the service is busy, try again later");

/// No room on the disk.
pub static STORAGE_FULL: ProblemKind = kind(
    503,
    "storage_full",
    "存储空间不足,暂不受理;已受理的均已保存",
    "the disk is full; what was acknowledged is safe, try again later",
);

/// The start has not seen all of the log yet.
pub static CHECKING: ProblemKind = kind(
    503,
    "checking",
    "正在启动并核对日志,请稍后重试",
    "the service is starting and checks its log, try again later",
);

/// The views have not come as far as the reader asks.
pub static VIEW_BEHIND: ProblemKind =
    kind(503, "view_behind", "视图尚未更新到所需位置", "the views are not yet at that position");

/// The views or the trees stopped following the log.
pub static STOPPED: ProblemKind = kind(
    503,
    "stopped_following",
    "视图或审计树已停止跟进日志",
    "the views or the trees stopped following the log",
);

/// The kind of an answer that was not made by us, told from its status.
pub fn of_status(status: StatusCode) -> &'static ProblemKind {
    match status.as_u16() {
        401 => &TOKEN_REQUIRED,
        403 => &NOT_ALLOWED,
        404 => &NOT_FOUND,
        405 => &METHOD_NOT_ALLOWED,
        408 => &BODY_TOO_SLOW,
        409 => &CONFLICT,
        413 => &BODY_TOO_LARGE,
        414 => &ADDRESS_TOO_LONG,
        415 => &UNKNOWN_MEDIA_TYPE,
        // The framework says 422 of a body that is not of the form of its route.
        422 => &BAD_REQUEST,
        429 => &TOO_OFTEN,
        431 => &HEADERS_TOO_LARGE,
        503 => &OVERLOADED,
        400..=499 => &BAD_REQUEST,
        _ => &INTERNAL,
    }
}
