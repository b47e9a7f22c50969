package onboard

import "strings"

// A device is a kind of client with the steps that make it trust a certificate.
type device string

// The devices that the page has steps for.
const (
	ios     device = "ios"
	android device = "android"
	macos   device = "macos"
	windows device = "windows"
	linux   device = "linux"
	firefox device = "firefox"
	other   device = ""
)

// detect tells a device by its User-Agent. Firefox on a computer has a store of
// its own and so counts for itself; on iOS every browser is Safari inside, and on
// Android the system's store comes first for all.
func detect(agent string) device {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(agent, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("iPhone", "iPad", "iPod"):
		return ios
	case has("Android"):
		return android
	case has("Firefox/") && !has("Seamonkey/"):
		return firefox
	case has("Windows NT", "Windows;"):
		return windows
	case has("Macintosh", "Mac OS X"):
		return macos
	case has("Linux", "X11", "CrOS"):
		return linux
	}
	return other
}
