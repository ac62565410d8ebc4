//! Looks at persons: what a handler extracts that answers about somebody. Whether it is allowed is
//! decided in `access/authority.rs`, from the row of the route.

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;

use super::problem::Problem;
use super::problem_kinds as kinds;
use super::route_table::{self, Asks};
use super::who::{Purpose, Who};
use crate::access::{Look, Object, Refusal, Show, Sight, authorize};
use crate::access::{Part, Role};

/// A look that was allowed: who looks, why and on what terms, and what they see. An extractor; 403
/// for a role that may not, 400 and 403 of [`Purpose`], 403 where the purpose shows nothing.
#[derive(Clone, Debug)]
pub struct Looking {
    /// Who looks.
    pub who: Who,
    /// Why, and on what terms.
    pub purpose: Purpose,
    /// What they see.
    pub look: Look,
}

impl Looking {
    /// What is seen.
    pub fn sight(&self) -> Sight {
        self.look.sight
    }

    /// Lets pass who sees a part of persons at all: without it the answer would be empty for
    /// everybody. It says nothing of any person.
    ///
    /// # Errors
    /// 403 `not_allowed`.
    pub fn require(&self, part: Part, least: Show) -> Result<(), Problem> {
        if self.sight().show(part) >= least {
            return Ok(());
        }
        let name = part.name();
        Err(Problem::new(&kinds::NOT_ALLOWED).detail(
            format!("此角色按此用途不得查看或据以查询: {name}"),
            format!("the role does not see, nor search by, this part for this purpose: {name}"),
        ))
    }
}

impl<S: Sync> FromRequestParts<S> for Looking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let who = Who::from_request_parts(parts, state).await?;
        let path = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
        let route = path.and_then(|path| route_table::find(&parts.method, path));
        let actions = match route.map(|route| route.asks) {
            Some(Asks::Actions(actions)) => actions,
            Some(_) => &[],
            None => return Err(Problem::new(&kinds::NOT_ALLOWED)),
        };
        let purpose = Purpose::from_request_parts(parts, state).await?;
        let look = authorize(&who.0, actions, purpose.0, Object::None)?.sighted()?;
        Ok(Self { who, purpose, look })
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Action => Problem::new(&kinds::NOT_ALLOWED),
            Refusal::Purpose => Problem::new(&kinds::PURPOSE_NOT_GRANTED),
            Refusal::Blind => Problem::new(&kinds::NOT_ALLOWED).detail(
                "此角色按此用途不得查看任何个人信息",
                "the role sees nothing of a person for this purpose",
            ),
            Refusal::Absent => Problem::new(&kinds::NOT_FOUND),
        }
    }
}

/// What a sender sees of the persons whom it reports: that is always done to register them.
pub(super) fn senders_sight(who: &Who) -> Sight {
    Sight::of(&who.0, "registration")
}

/// Whether a role is one that may send what it is told it sent.
pub(super) fn is_sender(role: Role) -> bool {
    crate::access::may(role, crate::access::Action::Collect)
}
