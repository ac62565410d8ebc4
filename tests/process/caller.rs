//! Somebody with a token who speaks HTTP to the service.

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

/// Media type of one event.
pub const STRUCTURED: &str = "application/cloudevents+json";
/// Media type of an array of events.
pub const BATCH: &str = "application/cloudevents-batch+json";
/// Media type of a stream of events.
pub const LINES: &str = "application/x-ndjson";

/// Somebody with a token.
#[derive(Clone)]
pub struct Caller {
    http: Client,
    url: String,
    token: String,
    purpose: &'static str,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// `Registry-Position`.
    pub position: Option<u64>,
    /// Media type.
    pub media_type: String,
    /// The body; a text where it is no JSON.
    pub body: Value,
}

impl Answer {
    /// Reads a response.
    pub async fn read(response: Response) -> Self {
        let header = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let (status, position) = (response.status().as_u16(), header("registry-position"));
        let media_type = header("content-type").unwrap_or_default();
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, position: position.and_then(|text| text.parse().ok()), media_type, body }
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn with(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Checks that it is a problem of a code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.media_type, "application/problem+json", "{}", self.body);
        let body = self.with(status);
        assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)), "{body}");
        body
    }
}

impl Caller {
    /// Speaks to the service at `url`, for the purpose of verification until told otherwise.
    pub fn new(url: &str, token: &str) -> Self {
        let http = Client::new();
        Self { http, url: url.to_owned(), token: token.to_owned(), purpose: "verification" }
    }

    /// The same caller with another purpose; with none where it is empty.
    pub fn purpose(&self, purpose: &'static str) -> Self {
        Self { purpose, ..self.clone() }
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A request with token and purpose.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let request = request.bearer_auth(&self.token);
        if self.purpose.is_empty() { request } else { request.header("purpose", self.purpose) }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::read(self.request(Method::GET, path).send().await.expect("an answer")).await
    }

    /// GET once the views are at a position.
    pub async fn get_at(&self, path: &str, at_least: u64) -> Answer {
        let request = self.request(Method::GET, path).header("at-least", at_least);
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// POST of a question.
    pub async fn ask(&self, path: &str, question: &Value) -> Answer {
        let request = self.request(Method::POST, path).json(question);
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// POST of events in a media type.
    pub async fn send(&self, media_type: &str, body: String) -> Answer {
        let sent = self.try_send(media_type, body).await;
        sent.expect("an answer")
    }

    /// The same where the service may be gone.
    ///
    /// # Errors
    /// What the connection said.
    pub async fn try_send(&self, media_type: &str, body: String) -> reqwest::Result<Answer> {
        let request = self.request(Method::POST, "/v1/events");
        let response = request.header("content-type", media_type).body(body).send().await?;
        let status = response.status().as_u16();
        let media_type = response.headers().get("content-type").cloned();
        let media_type = media_type.and_then(|v| v.to_str().ok().map(str::to_owned));
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, position: None, media_type: media_type.unwrap_or_default(), body })
    }

    /// POST of one event.
    pub async fn post(&self, event: &Value) -> Answer {
        self.send(STRUCTURED, event.to_string()).await
    }

    /// POST of one event that must be new; gives its receipt.
    pub async fn record(&self, event: &Value) -> Value {
        let receipt = self.post(event).await.with(201);
        assert_eq!(receipt["status"], "recorded", "{receipt}");
        receipt
    }

    /// POST of lines; gives one answer a line and the summary.
    pub async fn stream(&self, lines: String) -> (Vec<Value>, Value) {
        let answer = self.send(LINES, lines).await;
        let Value::String(text) = answer.body else { panic!("{}: {}", answer.status, answer.body) };
        assert_eq!(answer.status, 200, "{text}");
        let read = |line| serde_json::from_str(line).expect("a line of JSON");
        let mut answers: Vec<Value> = text.lines().map(read).collect();
        let mut last = answers.pop().expect("a summary");
        (answers, last["summary"].take())
    }

    /// The person of a document, when the caller may know of one.
    pub async fn look_up(&self, document: &Value) -> Option<String> {
        let answer = self.ask("/v1/persons/lookup", &json!({"document": document})).await;
        match answer.status {
            200 => Some(answer.body["person_id"].as_str().expect("an id").to_owned()),
            404 => None,
            _ => panic!("{}", answer.body),
        }
    }
}
