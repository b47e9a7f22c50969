"""Markers by name."""
emoji = {":default:": "●", ":red_circle:": "🔴", ":green_circle:": "🟢", ":blue_circle:": "🔵", ":yellow_circle:": "🟡",
         ":warning:": "⚠", ":x:": "❌", ":white_check_mark:": "✅", ":star:": "⭐", ":fire:": "🔥", ":bug:": "🐛"}
