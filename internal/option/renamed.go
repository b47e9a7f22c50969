package option

import "strings"

// renamed carries what a start says about an option of mitmproxy over to the one
// that does the same here. ok is false where there is none of that name; same is
// true where the value asks for what is done anyway.
func renamed(a Assignment) (to Assignment, same, ok bool, err error) {
	text := strings.ToLower(strings.TrimSpace(a.Text))
	wrong := func(why string) (Assignment, bool, bool, error) {
		e := &ValueError{Option: a.Name, Text: quote(a.Text) + " " + why}
		if a.Source == File || a.Source == Environment {
			e.Place = a.Place
		}
		return a, false, true, e
	}
	to, to.Bare = a, false
	switch a.Name {
	case "proxy_debug", "validate_inbound_headers":
		on := a.Bare || text == "true"
		if !on && text != "false" {
			return wrong("is neither true nor false")
		}
		if a.Name == "proxy_debug" {
			to.Name, to.Text = "termlog_verbosity", "debug"
			return to, !on, true, nil
		}
		to.Name, to.Text = "http_profile", "tolerant"
		if on {
			to.Text = "strict"
		}
		return to, false, true, nil
	case "key_size":
		if text != "2048" {
			return wrong("is no size that keys have here: those of RSA have 2048 bits, those of ECDSA, the default, 256")
		}
		to.Name, to.Text = "key_type", "rsa"
		return to, false, true, nil
	}
	return a, false, false, nil
}
