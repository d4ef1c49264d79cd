"""The API's JSON: requests in (`requests`), objects out (`objects`), lists and cursors (`pages`), chat (`chat`)."""
