package main

import (
	"cmp"
	"runtime/debug"

	"ecs-api/api"
)

// buildVersion returns which build this is: what the Makefile said, else what Go recorded.
func buildVersion() api.Version {
	var module, revision, stamp string
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "(devel)" { // go install MODULE@VERSION, and go build in a checkout, know the version
			module = info.Main.Version
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.time":
				stamp = s.Value
			}
		}
	}
	return api.Version{
		Version:    cmp.Or(version, module, "dev"),
		GitHash:    cmp.Or(githash, revision, "unknown"),
		BuildStamp: cmp.Or(buildstamp, stamp, "unknown"),
	}
}
