// A program that signs people in by openid-client, and the real browser that a person sits at.

import * as client from 'openid-client'
import { check, launch, site } from './shared.mjs'

const { ISSUER, CLIENT_ID, CLIENT_SECRET } = process.env

/** The platform under test speaks plain HTTP, on the loopback network. */
export const insecure = { execute: [client.allowInsecureRequests] }

/** The program, and a page of the browser. Whoever opens it closes it. */
export async function open() {
  // The program's own page, to which the person comes back.
  const app = await site('127.0.0.1', '<!doctype html><title>App</title><h1>Back</h1>')
  const back = `${app.origin}/callback`
  const config = await client.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, insecure)
  const browser = await launch()
  const context = await browser.newContext({ viewport: { width: 720, height: 640 } })
  const page = await context.newPage()
  const complaints = []
  page.on('console', (line) => complaints.push(line.text()))

  /** Goes to the program's way in: what it needs to know afterwards. */
  async function begin(more = {}) {
    const verifier = client.randomPKCECodeVerifier()
    const [state, nonce] = [client.randomState(), client.randomNonce()]
    const code_challenge = await client.calculatePKCECodeChallenge(verifier)
    const asked = { redirect_uri: back, scope: 'openid email', code_challenge, code_challenge_method: 'S256', state, nonce }
    await page.goto(client.buildAuthorizationUrl(config, { ...asked, ...more }).href)
    return { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce }
  }

  /** Comes back to the program: its tokens. */
  async function finish(asked) {
    await page.waitForURL(`${back}**`)
    return client.authorizationCodeGrant(config, new URL(page.url()), asked)
  }

  /** The browser has blocked nothing of ours. */
  function unblocked() {
    const blocked = complaints.filter((line) => line.includes('Content Security Policy'))
    check(blocked.length === 0, `nothing was blocked ${blocked}`)
  }

  async function close() {
    await browser.close()
    app.close()
  }

  return { config, context, page, begin, finish, unblocked, close }
}
