package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker when a release is made.
var version string

// versionText is what --version prints.
func versionText() string {
	v := version
	if info, ok := debug.ReadBuildInfo(); ok && v == "" {
		v = info.Main.Version
	}
	if v == "" || v == "(devel)" {
		v = "devel"
	}
	return fmt.Sprintf("midstream %s (%s, %s/%s)", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
