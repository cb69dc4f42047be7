package openapi

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"ecs-api/docs"
)

// guidePage is a guide as a page.
var guidePage = template.Must(template.New("guide").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>ecs-api: {{.Title}}</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="guide.css">
</head>
<body>
<nav><a href="../docs">API reference</a>{{range .All}}<a href="{{.Name}}.html"{{if eq .Name $.Name}} aria-current="page"{{end}}>{{.Title}}</a>{{end}}</nav>
<main>
{{.Text}}</main>
</body>
</html>
`))

// addGuides adds the guides, as pages and as they are written, by their paths.
func addGuides(all map[string]http.Handler) {
	guides := docs.Guides()
	for _, guide := range guides {
		all["/docs/"+guide.Name+".md"] = lazily(func() *file { return newFile("text/markdown; charset=utf-8", guide.Markdown) })
		all["/docs/"+guide.Name+".html"] = withoutSlash(lazily(func() *file {
			page := newFile(pageTypes[".html"], renderGuide(guide, guides))
			page.policy = pagePolicy
			return page
		}))
	}
}

// renderGuide returns a guide as a page.
func renderGuide(guide docs.Guide, all []docs.Guide) []byte {
	markdown := goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough),
		goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithASTTransformers(util.Prioritized(links{}, 100))),
		goldmark.WithRendererOptions(html.WithUnsafe()), // the guides are our own, and have anchors in HTML
	)
	var body, page bytes.Buffer
	err := markdown.Convert(guide.Markdown, &body)
	if err == nil {
		err = guidePage.Execute(&page, map[string]any{"Name": guide.Name, "Title": guide.Title, "All": all, "Text": template.HTML(body.String())}) //nolint:gosec // our own text
	}
	if err != nil {
		panic(fmt.Sprintf("the guide %s: %v", guide.Name, err)) // it is part of the program, and tests read it
	}
	return page.Bytes()
}

// links lets what guides link to lead to where the server serves it. What it does not serve is text.
type links struct{}

// Transform changes the links of a guide.
func (links) Transform(guide *ast.Document, _ text.Reader, _ parser.Context) {
	var dead []*ast.Link
	_ = ast.Walk(guide, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // it returns no error
		link, ok := n.(*ast.Link)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		target := docs.Linked(string(link.Destination))
		if link.Destination = []byte(target); target == "" {
			dead = append(dead, link)
		}
		return ast.WalkContinue, nil
	})
	for _, link := range dead {
		parent := link.Parent()
		for child := link.FirstChild(); child != nil; child = link.FirstChild() {
			parent.InsertBefore(parent, link, child)
		}
		parent.RemoveChild(parent, link)
	}
}
