//! One question to a weather service over HTTP, with limits.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;

use super::WeatherError;
use crate::tool::Failure;

/// For one question and its answer, connecting included.
const PATIENCE: Duration = Duration::from_secs(5);

/// No answer that we can use is longer (bytes).
const MOST_BYTES: usize = 256 * 1024;

/// A client for one service.
pub(super) struct Service {
    name: &'static str,
    client: Client,
}

impl Service {
    pub(super) fn new(name: &'static str) -> Result<Self, WeatherError> {
        // A client cannot be built without one; if the program has installed one, it stays.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder()
            .timeout(PATIENCE)
            .user_agent(concat!("mcp-auth-tools/", env!("CARGO_PKG_VERSION")))
            // A key goes to the service that it is for, and nowhere that it points to.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(WeatherError::Client)?;
        Ok(Self { name, client })
    }

    /// Asks, and reads the answer as `T`. `None` means that the service says "not found".
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        url: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<T>, Failure> {
        let response = self.client.get(url).query(query).send().await;
        let response = response.map_err(|error| self.silent(&error))?;
        match response.status() {
            StatusCode::OK => self.read(response).await.map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.failure(
                "does not accept the server's key; whoever runs the server must check it",
            )),
            StatusCode::TOO_MANY_REQUESTS => {
                Err(self.failure("was asked too often; try again in a few minutes"))
            }
            status => {
                let status = status.as_u16();
                Err(self.failure(&format!("answered with status {status}; try again later")))
            }
        }
    }

    async fn read<T: DeserializeOwned>(&self, mut response: Response) -> Result<T, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.silent(&error))? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(self.unreadable());
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|_| self.unreadable())
    }

    /// The error itself may quote the URL, and with it a key: it goes nowhere.
    fn silent(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() {
            let seconds = PATIENCE.as_secs();
            return self.failure(&format!("did not answer within {seconds} s; try again later"));
        }
        self.failure("could not be reached; try again later")
    }

    pub(super) fn unreadable(&self) -> Failure {
        self.failure("sent an answer that makes no sense; try again later")
    }

    fn failure(&self, what: &str) -> Failure {
        Failure::caller(format!("the weather service {} {what}", self.name))
    }
}
