// Package browser finds a browser of this machine and makes the profile and the
// command line that send all of it through the proxy.
//
//	Find ─► Program ─┐
//	NewProfile ──────┴─► Prepare (Firefox: settings, certificate) ─► Line ─► run it ─► Remove
//
// A browser trusts the certificates of one midstream and no others that it did
// not trust before: Chromium and its kin by a pin of the key that they carry,
// Firefox by a certificate in the profile's own store. Nothing is written
// anywhere but in the profile.
//
// Running the program is the caller's. Everything here may be called at once, a
// Profile belongs to one browser.
package browser
