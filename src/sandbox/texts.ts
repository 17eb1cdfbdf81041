// Every sentence of the sign-in, consent and hand-over pages, in both languages.

import type { Language } from './languages.ts';

const english = {
  language: 'English',
  banner: 'Sandbox: no real data',
  signInTitle: 'Sign in',
  signInLead: 'Pick who you want to be. These people are invented, and there is no password.',
  signInScenario: (person: string) => `A scenario is on: ${person} is picked.`,
  signInCancel: 'Cancel and go back',
  consentTitle: 'Give access',
  consentLead: (client: string) => `${client} asks for access to your Dinero account:`,
  consentPerson: (person: string) => `You are signed in as ${person}.`,
  consentOther: 'Sign in as someone else',
  accept: 'Accept',
  cancel: 'Cancel',
  handOverTitle: 'On your way back',
  handOverLead: 'You are being sent back. If nothing happens, press the button.',
  handOverButton: 'Continue',
  signOutTitle: 'Sign out of Visma Connect?',
  signOutYes: 'Sign out',
  signOutNo: 'Stay signed in',
  signedOutTitle: 'You are signed out',
  errorTitle: 'Something is wrong with this sign-in',
  errorLead: 'The sign-in cannot go on, and you were not sent back to where you came from.',
  errorId: 'Error id',
  errorDebugger: 'What does this mean? Open the debugger',
  scopes: {
    openid: 'Know who you are',
    offline_access: 'Keep its access when you are not signed in',
    'dineropublicapi:read': 'Read contacts, invoices, vouchers and bookkeeping in Dinero',
    'dineropublicapi:write': 'Create and edit contacts, invoices and vouchers in Dinero',
  } as Record<string, string>,
};

const danish: typeof english = {
  language: 'Dansk',
  banner: 'Testmiljø: ingen rigtige data',
  signInTitle: 'Log ind',
  signInLead: 'Vælg, hvem du vil være. Personerne er opdigtede, og der er ingen adgangskode.',
  signInScenario: (person) => `Et scenarie er i gang: ${person} er valgt.`,
  signInCancel: 'Annullér og gå tilbage',
  consentTitle: 'Giv adgang',
  consentLead: (client) => `${client} beder om adgang til din Dinero-konto:`,
  consentPerson: (person) => `Du er logget ind som ${person}.`,
  consentOther: 'Log ind som en anden',
  accept: 'Acceptér',
  cancel: 'Annullér',
  handOverTitle: 'Du er på vej tilbage',
  handOverLead: 'Du bliver sendt tilbage. Sker der ikke noget, så tryk på knappen.',
  handOverButton: 'Fortsæt',
  signOutTitle: 'Vil du logge ud af Visma Connect?',
  signOutYes: 'Log ud',
  signOutNo: 'Forbliv logget ind',
  signedOutTitle: 'Du er logget ud',
  errorTitle: 'Der er noget galt med dette login',
  errorLead: 'Dit login kan ikke fortsætte, og du blev ikke sendt tilbage til der, hvor du kom fra.',
  errorId: 'Fejl-id',
  errorDebugger: 'Hvad betyder det? Åbn debuggeren',
  scopes: {
    openid: 'Vide, hvem du er',
    offline_access: 'Beholde adgangen, når du ikke er logget ind',
    'dineropublicapi:read': 'Læse kontakter, fakturaer, bilag og bogføring i Dinero',
    'dineropublicapi:write': 'Oprette og rette kontakter, fakturaer og bilag i Dinero',
  },
};

export const texts: Record<Language, typeof english> = { da: danish, en: english };
