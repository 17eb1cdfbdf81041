// The same sign-in with express-openid-connect, which keeps the tokens in a sealed cookie.

import express from 'express';
import library from 'express-openid-connect';

const { PORT = '', ISSUER = '' } = process.env;
const app = express();
app.use(
  library.auth({
    issuerBaseURL: ISSUER,
    baseURL: `http://localhost:${PORT}`,
    clientID: 'isv_bench',
    clientSecret: 'secret',
    secret: 'a session secret of more than thirty-two characters',
    authRequired: false,
    clientAuthMethod: 'client_secret_post',
    authorizationParams: { response_type: 'code', response_mode: 'form_post', scope: 'openid offline_access' },
    // A browser would need https for the form_post's cookies; the bench's client sends them anyway.
    session: { cookie: { secure: false, sameSite: 'Lax' } },
    transactionCookie: { sameSite: 'Lax' },
  }),
);
app.get('/', (_request, response) => void response.send('signed in'));
app.listen(Number(PORT), '127.0.0.1', () => process.stdout.write('is ready\n'));
