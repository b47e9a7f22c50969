// Package onboard is the page that brings the certificate to a device: an addon
// that answers requests for the names of midstream itself.
//
//	http://midstream.internal/ ─┐                 ┌─ page (device, steps, trust, connection)
//	http://mitm.it/ ────────────┼─► RequestHeaders┼─ /cert/pem /cert/cer /cert/p12 /cert/mobileconfig
//	http://PROXY:PORT/ (asked ──┘                 └─ /trust.svg, over https only: who sees it trusts us
//	directly; package proxy sends it here)
//
// It serves the certificate and nothing else: no key, nothing of what was
// recorded, nothing that could be changed. The page needs no JavaScript and no
// other server. Dials to its names are refused, so that no request for them
// leaves the machine, whatever DNS says.
//
// An Addon's methods may be called at once.
package onboard
