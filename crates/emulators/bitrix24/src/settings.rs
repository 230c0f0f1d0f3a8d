//! Reading a portal's settings from a file.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::PortalConfig;

impl PortalConfig {
    /// Reads a settings file: JSON where it begins with a brace, TOML otherwise.
    ///
    /// # Errors
    /// What the parser says, with the place.
    pub fn parse(text: &str) -> Result<Self, String> {
        read(text)
    }

    /// The same, where parts that the text does not name are those of [`PortalConfig::sample`]: a few lines of
    /// settings leave funnels, buyers and deals as they are. A part that it names is the text's whole: `deals = []`
    /// is a portal without deals.
    ///
    /// # Errors
    /// What the parser says, with the place.
    pub fn parse_over_sample(text: &str) -> Result<Self, String> {
        // Read as a whole first: only so a fault is told with its place.
        Self::parse(text)?;
        let named: serde_json::Map<String, Value> = read(text)?;
        let sample = serde_json::to_value(Self::sample()).map_err(|cause| cause.to_string())?;
        let Value::Object(mut parts) = sample else {
            return Err("the sample is no table".to_owned());
        };
        parts.extend(named);
        serde_json::from_value(Value::Object(parts)).map_err(|cause| cause.to_string())
    }

    /// A portal for trying things out: two funnels, buyers with requisites, deals with lines.
    pub fn sample() -> Self {
        crate::sample::portal()
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|cause| cause.to_string())
    } else {
        toml::from_str(text).map_err(|cause| cause.to_string())
    }
}
