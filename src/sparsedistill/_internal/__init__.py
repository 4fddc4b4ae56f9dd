"""Files, arrays, texts and progress: what every other package stands on."""
