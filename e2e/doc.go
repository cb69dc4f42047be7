// Package e2e tests the built program from outside: over HTTP, in front of an AWS that it reaches over the network, with the AWS SDK as an
// independent client that checks what the program says it did.
//
// The suite is the same for both kinds of AWS. By default that is localaws, served by the test process. If ECS_API_E2E_ENDPOINT names a
// moto_server, an AWS made by other people, it is that one instead, behind motoproxy, which evens out where moto is not like AWS; it is
// emptied before every test. What a back end cannot do is stated in the rows of the tables (notOnMoto), never by an if.
package e2e
