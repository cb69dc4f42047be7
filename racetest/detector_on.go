//go:build race

package racetest

// Detector says whether the tests run under the race detector.
const Detector = true
