import { QueryClientProvider } from '@tanstack/preact-query'
import { render } from 'preact'
import { Router } from 'wouter-preact'
import { useHashLocation } from 'wouter-preact/use-hash-location'
import { client } from './api/queries'
import { App } from './app'
import './styles/base.css'
import './styles/layout.css'
import './styles/parts.css'
import './styles/graph.css'

const root = document.getElementById('app')
if (root) {
  render(
    <QueryClientProvider client={client}>
      <Router hook={useHashLocation}>
        <App />
      </Router>
    </QueryClientProvider>,
    root,
  )
}
