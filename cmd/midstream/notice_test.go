package main

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestStartAndExitLines(t *testing.T) {
	const home = "/home/user"
	kept := sessionNotice{path: home + "/.midstream/sessions/20300506-070809", keep: 24 * time.Hour, maxSize: 10 << 30}
	cert := home + "/.midstream/midstream-ca-cert.pem"
	until := time.Date(2030, 5, 7, 7, 8, 9, 0, time.UTC)
	var b strings.Builder
	add := func(name, text string) { b.WriteString("## " + name + "\n" + text) }
	for _, c := range []struct {
		name string
		n    startNotice
	}{
		{"default", startNotice{[]listenNotice{{"regular", []string{"127.0.0.1:8080", "[::1]:8080"}}}, kept, cert, home}},
		{"all addresses, named session, odd folder", startNotice{[]listenNotice{{"regular", []string{"0.0.0.0:8080"}}},
			sessionNotice{path: "/srv/my session's", named: true, keep: time.Hour}, "/srv/it's mine/ca.pem", home}},
		{"IPv6, two modes", startNotice{[]listenNotice{{"regular", []string{"[::]:8080"}}, {"reverse:https://example.com", []string{"127.0.0.1:8081"}}},
			sessionNotice{path: "/tmp/s", keep: 0, heads: true}, cert, ""}},
		{"reverse, nothing recorded", startNotice{[]listenNotice{{"reverse:https://example.com", []string{"127.0.0.1:8081"}}}, sessionNotice{}, cert, home}},
		{"no listener", startNotice{nil, kept, cert, home}},
	} {
		add(c.name, c.n.text())
	}
	for _, c := range []struct {
		name string
		n    exitNotice
	}{
		{"exit: kept for a while", exitNotice{kept, 12, 3565158, until, home}},
		{"exit: named", exitNotice{sessionNotice{path: "/srv/my session's", named: true}, 1, 512, until, home}},
		{"exit: taken away", exitNotice{sessionNotice{path: "/srv/s", named: true}, 12, 0, until, home}},
		{"exit: removed", exitNotice{sessionNotice{path: "/tmp/s"}, 0, 20 << 30, until, home}},
		{"exit: nothing recorded", exitNotice{flows: 5}},
	} {
		add(c.name, c.n.text())
	}
	for _, c := range []struct {
		name string
		n    exitNotice
	}{
		{"where: the usual folder", exitNotice{kept, 12, 3565158, until, home}},
		{"where: another folder", exitNotice{sessionNotice{path: "/srv/conf/sessions/20270325-120000-1f2e3d", keep: time.Hour}, 1, 512, until, home}},
		{"where: named", exitNotice{sessionNotice{path: "/srv/s", named: true}, 1, 512, until, home}},
	} {
		add(c.name, c.n.where()+"\n")
	}
	golden(t, "testdata/pages/notices.txt", b.String())
}

func TestShellPath(t *testing.T) {
	for _, c := range []struct{ path, home, want string }{
		{"/home/u/.midstream/ca.pem", "/home/u", "~/.midstream/ca.pem"}, {"/home/u/.midstream/ca.pem", "/home/u/", "~/.midstream/ca.pem"},
		{"/home/user2/x", "/home/u", "/home/user2/x"}, {"/home/u/a b", "/home/u", "'/home/u/a b'"}, {"/a'b", "", `'/a'\''b'`},
		{"/x", "", "/x"}, {"/data/x", "/", "/data/x"}, {"/$HOME", "/", "'/$HOME'"}, {"/a\nb", "", "'/a\nb'"},
	} {
		if got := shellPath(c.path, c.home); got != c.want {
			t.Errorf("shellPath(%q, %q) = %q, want %q", c.path, c.home, got, c.want)
		}
	}
}

func TestTheFirstSignalEndsAndTheSecondEndsAtOnce(t *testing.T) {
	for _, c := range []struct {
		signals int
		between time.Duration
		want    string
	}{{0, time.Second, ""}, {1, time.Second, "end "}, {2, time.Second, "end now "}, {3, time.Second, "end now "}, {3, time.Millisecond, "end "}} {
		synctest.Test(t, func(t *testing.T) {
			signals, over := make(chan os.Signal, 3), make(chan struct{})
			got := ""
			done := make(chan struct{})
			go func() {
				defer close(done)
				twoSignals(signals, over, func(os.Signal) { got += "end " }, func() { got += "now " })
			}()
			for range c.signals {
				signals <- os.Interrupt
				time.Sleep(c.between)
			}
			synctest.Wait()
			close(over)
			<-done
			if got != c.want {
				t.Errorf("%d signals: %q, want %q", c.signals, got, c.want)
			}
		})
	}
}
