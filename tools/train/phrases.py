# SPDX-License-Identifier: MIT
"""phrases.py: the templates and word tables from which grammar.py makes prompts and plain sentences.

{name} is filled from the table of that name; {d} is a digit, {n} a number, {weekday}, {month}, {ord} and {command} what they say. A
table's entry may hold slots again. Written for this model in the manner of telephone prompts, without the held-out prompts at hand.
"""

PROMPTS = """
please {verb} your {thing} | please {verb} the {thing} followed by the {key} key | please {verb} the {thing} | please {verb} your {thing} and press {key}
please {verb} your {thing} followed by {key} | press {d} to {do} | press {d} to {do} or {d} to {do} | press {d} for {topic} | press {key} to {do}
to {do} press {d} | to {do} press {d} to {do} press {d} | to {do} press {key} | dial {d} to {do} | dial {d} for {topic} | or press {key} to {do} | press {key} when {finished}
for {topic} press {d} | for {topic} press {d} for {topic} press {d} | to {do} or {do} press {d} | {when} press {key} | if you want to {do} press {d} now
you have {d} new {things} | you have {d} {things} | you have {n} {which} {things} | you have no {which} {things} | you have {n} {things} waiting
there are {n} {things} | there are currently {d} {people} | there are {d} {people} in the {room} | there are no {people} in this {room} | there is one {person} in the {room}
there are currently {n} other {people} {room_in} | you are the only {person} in the {room} | you are the first {person} {room_in} | you are now {where}
the {thing} is {state} | the {thing} you entered is {state} | your {thing} has been {done} | the {thing} has been {done} | the {thing} could not be {done}
the {thing} was {done} | this {thing} has been {done} | your {thing} was not {done} | your {thing} will be {done} | all {things} have been {done} | the {which} {thing} has been {done}
that is not a valid {thing} | I am sorry that is not a valid {thing} | I'm sorry that is not a valid {thing} please try again | that {thing} is {state} | this {thing} is {state}
I'm sorry the {thing} is {state} | I am sorry the {thing} you have dialed is {state} | sorry the {person} is {state} | sorry I did not understand your {thing}
I'm sorry I don't have {a_thing} for that {person} | I'm sorry but that {thing} is {state} | that {thing} does not exist | no such {thing} | no {things} found
please try again | please try your {thing} again | please wait for the {thing} | please wait while I {try} | please hold while I {try} | please hold | one moment please
please hold while we {try} | please stay on the line {reason} | please remain on the line {reason} | one moment please while I {try} | hold the line please
thank you for {doing} | thank you for {doing} goodbye | thank you {doing_short} | welcome to the {place} | welcome to {place} | goodbye and thank you | goodbye | hello
you are caller number {d} | you are {state2} | your call is now {ord} in line | the estimated wait is {n} {times} | the current wait time is {n} {times} | your call is {ord} in the queue
the number is {d} {d} {d} {d} | extension {d} {d} {d} | your {thing} is {d} {d} {d} | your {thing} is {d} {d} {d} {d} | extension {d} {d} {d} is {state} | the {thing} is {n}
to {do} say {command} | say {command} to {do} | say or enter the {thing} | at the {tone} please {verb} your {thing} | after the {tone} {verb} your {thing} and then press {key}
the time is {n} {minute} | the time is {n} {minute} and {n} seconds | at the {tone} the time will be {n} {minute} | the date is {weekday} {month} {ord} | the {thing} is on {weekday}
call me on {weekday} at {hour} | today is {weekday} the {ord} of {month} | the meeting is on the {ord} of {month} | {weekday} {month} the {ord} at {hour} | received on {weekday} at {hour}
if this is correct press {d} | if this is the {thing} press {d} now | if this is not the {thing} press {d} | if this is the {person} you are looking for press {d} | if so press {d}
enter the first {d} letters of {whose} name | enter {whose} {thing} using {keypad} | spell {whose} {ord} name using {keypad} | using {keypad} enter the {thing} | use {keypad} to {do}
the next {thing} is in {n} minutes | {ord} {thing} | {which} {thing} | {thing} {d} | {d} {things} | {n} {things} | {thing} {state} | {thing} {done} | {things} {done} | {do}
you must {do} before you {do} | you can {do} at any time | you may now {do} or {do} | you may {do} by pressing {key} | you cannot {do} while the {thing} is {state} | you do not have {a_thing}
{person} {d} {d} {d} | {the_person} is {state} | {the_person} has {went} the {room} | {the_person} has been {done} | {the_person} is now {state3} | {the_person} is {where}
the {room} is {state3} | the {room} is now {state3} | this {room} is {state3} | the {room} will {will} in {n} {times} | the {room} will {will} when the {person} {comes} | this {room} needs {a_thing}
{leader} has {went} | waiting for the {person} to {arrive} | when the {person} {comes} the {room} will {will} | you will {will} when {the_person} {comes} | {the_person} would like to {do}
your {thing} must be {length} | the {thing} is too {size} | your {thing} is too {size} please try again | the {thing} must have at least {d} {things} | {thing} too {size}
{whose} {thing} is {state} | {whose} {thing} has been {done} | {whose} {room} is {state} | please check the {thing} and try again | please check your {thing} and dial again
incoming {thing} from {who} | a {which} {thing} from {who} | message from {who} | call from {who} | you have {a_thing} from {who} | this call is from {who} | transferring you to {who}
I will {try} | I will now {try} | we will {try} | we are {busy} | all {people} are {busy} | all of our {people} are {busy} | our {people} are {busy} | the {place} is {state}
your {thing} is important to us | your call may be {done} for {purpose} | this call may be {done} for {purpose} | no one is available to take your call | nobody is here to take your call
the {person} at extension {d} {d} {d} {d} is {state} | is on the phone | is not available | is unavailable | is {state} | has been {done} | is now {state3} | was {done}
the {thing} you {tried} is {state} | the {person} you {tried} is {state} | the {thing} you {tried} has been {done} | you have {tried2} {a_thing} | you have been {done}
the {device} is now {onoff} | the {device} is {onoff} | turn the {device} {onoff} | {device} {onoff} | your {thing} is now {onoff} | {thing} {onoff} | do not disturb is {onoff} | {feature} is now {onoff}
{feature} has been {done} | {feature} {done} | to {do} {feature} press {d} | {feature} is not {able} | we are experiencing {trouble} | there has been {trouble} | because of {trouble} the {thing} is {state}
something is wrong with the {device} | an error has occurred | an error occurred please {do} | the {device} has failed | {device} failure | the {place} is closed today | the {place} is open from {hour} to {hour}
office hours are {hour} to {hour} | we are closed on {weekday} | please call back on {weekday} after {hour} | for an emergency press {d} | in case of emergency dial {d} {d} {d}
the temperature is {n} degrees | the weather is {adj} | the balance of your account is {n} dollars and {n} cents | that will be {n} dollars | you have {n} minutes left | {n} percent | {n} point {d}
"""
SLOTS = {
    "verb": "enter say check dial record repeat type leave change save speak verify confirm spell choose select hold set give press".split(),
    "key": "pound|star|hash|the pound key|the star key|one|two|pound|zero|any key|the hash key|enter".split("|"),
    "finished": "finished|you are finished|done|you are done|you have finished|ready|you are ready".split("|"),
    "thing": ("number|message|password|name|extension|call|mailbox|line|option|conference|folder|greeting|recording|key|phone number|choice|"
              "telephone number|area code|pin|directory|system|file|word|letter|answer|date|time|code|address|order|account|user name|entry|reply|"
              "access code|account number|personal identification number|conference number|pin number|agent number|call back number|log in|"
              "mailbox number|login|first name|last name|unavailable message|busy message|temporary greeting|introduction|recipient|selection|"
              "digits|announcement|service|channel|connection|request|transfer|queue|speed dial number|new password|voicemail|voice mail").split("|"),
    "things": ("numbers messages calls minutes seconds options letters files words people hours days callers entries recordings digits "
               "folders participants users lines agents mailboxes extensions channels conferences passwords greetings").split(),
    "people": "callers people participants users members guests agents representatives operators attendants employees friends".split(),
    "person": ("caller person participant user member guest agent representative operator leader party attendant employee recipient sender "
               "owner administrator friend customer").split(),
    "the_person": "the {person}|that {person}|this {person}|the other {person}|your {person}|the {which} {person}|{who}|the new {person}".split("|"),
    "leader": "the leader|the last person|the other party|everyone|nobody|someone|the host|one of the {people}|another {person}|a {person}".split("|"),
    "who": "extension {d} {d}|an unknown {person}|an outside {person}|{d} {d} {d} {d}|the {person}|a {person}|the {place}|someone you know|a friend|mother".split("|"),
    "do": ("listen to your {things}|listen to the {thing}|save this {thing}|delete this {thing}|hear the {which} {thing}|repeat this {thing}|try again|"
           "leave a {thing}|reach an operator|reach {the_person}|speak with a {person}|speak to the {person}|change your {thing}|record your {thing}|enter a {thing}|"
           "call this {thing}|hold the line|go back|start over|return to the {place}|hear more {things}|forward the {thing}|forward this {thing} to another {person}|"
           "send a {thing}|send a reply|join the {room}|leave the {room}|accept this {thing}|accept it|reject this {thing}|cancel|continue|exit|lock the {room}|unlock the {room}|"
           "mute yourself|unmute yourself|mute the {person}|use the {thing}|use this {thing}|use your {thing}|dial a {thing}|dial by name|dial the {thing} again|hang up|wait|"
           "increase the volume|decrease the volume|turn the volume up|turn the volume down|reset the volume to normal|change the {device} level|"
           "skip this {thing}|skip to the {which} {thing}|play the {thing}|play the {which} {thing}|stop the {thing}|pause the {thing}|erase the {thing}|erase it and start over|"
           "mark this {thing} as urgent|mark it as {which}|add a {thing}|add another {thing}|remove the {thing}|remove a {person}|add your {thing}|create a new {thing}|"
           "change folders|move this {thing} to another folder|save it in a folder|review the {thing}|review your {thing}|accept the {thing}|send it now|reply to this {thing}|"
           "hear the {thing}|hear the {thing} again|hear this again|hear the time and date|listen to it again|call the {person}|call back the {person}|disconnect the {person}|"
           "transfer this call|transfer to another {thing}|park this call|pick up the {thing}|answer the {thing}|look up {a_thing}|search again|search the {place}|"
           "enable {feature}|disable {feature}|activate {feature}|turn on {feature}|turn off {feature}|toggle {feature}|set up {feature}|"
           "log in|log out|sign in|check for new {things}|check your {things}|eject the last {person}|end the {room}|extend the {room}|invite a {person}|record the {room}|"
           "make a call|place a call|place an outgoing call|enter the {room}|enter the {place}|quit|help|undo it|keep it|keep this {thing}|confirm your {thing}|"
           "hear the number of {things}|hear how many {people} are {where}|know more").split("|"),
    "try": ("try that {thing}|try to find {the_person}|connect your call|connect you|transfer your call|transfer you to the {place}|look for {the_person}|check the {thing}|"
            "find the {thing}|find {the_person}|locate {the_person}|place your call|complete your call|verify your {thing}|get {the_person}|ask {the_person}|"
            "look up the {thing}|put you through|attempt to reach {the_person}|send the {thing}|read the {thing}|record the {thing}").split("|"),
    "reason": "and your call will be answered|for the next {person}|and someone will be with you|a {person} will be with you shortly|until {the_person} {comes}|and wait".split("|"),
    "doing": "calling|waiting|your patience|your message|your call|your help|trying again|holding|calling the {place}|using the {place}|listening|your time|being here|your order".split("|"),
    "doing_short": "for calling|for waiting|very much|and goodbye|have a nice day|have a good day|please call again|please wait".split("|"),
    "done": ("saved deleted removed added changed sent received recorded locked unlocked forwarded cancelled enabled disabled accepted rejected "
             "muted unmuted activated deactivated transferred completed connected disconnected answered erased marked moved created stopped paused "
             "started extended closed opened parked placed found set reset restored undeleted confirmed updated registered blocked blacklisted lost played").split(),
    "state": ("busy|invalid|full|empty|not available|unavailable|muted|not in service|locked|ready|on the phone|in use|correct|not correct|incorrect|not valid|wrong|"
              "on another line|away from the desk|currently busy|currently unavailable|no longer in service|not in the {place}|not a number in service|unknown|"
              "already in use|closed|on hold|not active|not compatible|not permitted|temporarily unavailable|out of service|not working|not answering|saved|new|old|urgent|open").split("|"),
    "state2": "next in line|first in line|now first in line|now on hold|the next caller|second in line|the last one|being transferred|being recorded".split("|"),
    "state3": "locked|unlocked|muted|unmuted|recording|being recorded|full|empty|open|closed|over|ending|in progress|starting|on hold|logged in|logged out|ready|now full".split("|"),
    "where": "in the {room}|on hold|in the {place}|in line|waiting|leaving the {room}|entering the {room}|joining the {room}|muted|unmuted|talking|listening|logged in|logged out".split("|"),
    "room": "conference|room|meeting|call|conference room|line|queue|waiting room|chat|party line|conference call".split("|"),
    "room_in": "in the {room}|in this {room}|on the line|in line|on this call|waiting|at this time|right now".split("|"),
    "went": "left joined entered locked unlocked muted opened closed ended started".split(),
    "will": "begin|end|start|be locked|continue|close|be recorded|be ended|be extended|open|be muted|stop".split("|"),
    "comes": "arrives|comes|leaves|joins|answers|enters|is ready|hangs up|returns|has arrived|has left|is available|calls".split("|"),
    "arrive": "arrive join leave answer speak come return call begin enter".split(),
    "whose": "your|his|her|their|our|the person's|the party's|the caller's|the user's|the leader's|your party's|my|the agent's".split("|"),
    "keypad": "your telephone keypad|the keypad|your phone|the keys of your phone|your touch tone keypad|the buttons|the numbers on your phone|the letters on your keypad".split("|"),
    "length": "{d} digits long|at least {d} digits|entered first|a number|between {d} and {d} digits|longer|shorter|spelled|at least {n} letters long".split("|"),
    "size": "long short big small loud quiet old large late".split(),
    "tone": "tone beep sound signal sound of the tone second tone".split(),
    "topic": ("help|the {place}|more {things}|a new {thing}|the operator|sales|the {which} {thing}|the main menu|advanced options|mailbox options|"
              "{feature}|support|service|information|customer service|all other {things}|a list of {things}|anything else|a {person}|English|the {weekday} {thing}").split("|"),
    "place": ("directory|conference|main menu|company|system|voice mail|program|office|house|center|company directory|conference center|voice mail system|"
              "telephone system|phone system|information desk|service department|sales department|message center|previous menu|test line|hotel|front desk|bank|shop").split("|"),
    "which": "new old urgent first last next previous current other private important recent second temporary short long only same different unheard saved deleted".split(),
    "when": "when finished|when you are done|when the {person} {comes}|to accept|to reject|otherwise|for more {things}|at any time|if you agree|after that|once {done}".split("|"),
    "a_thing": "a {thing}|a new {thing}|any {things}|the {thing}|an {thing2}|a listing|a mailbox|access to the {thing}|permission to {do}|one new {thing}|enough {things}".split("|"),
    "thing2": "account address answer extension option order agent entry area code access code invalid number old message".split(),
    "tried": "dialed|entered|have dialed|have called|called|have selected|selected|requested|are calling|have reached|want|asked for|are trying to reach|wish to reach".split("|"),
    "tried2": "dialed selected entered reached requested called received missed created".split(),
    "busy": "busy|busy at the moment|not available now|helping other {people}|on other calls|currently assisting other callers|looking for the {person}|away today".split("|"),
    "purpose": "quality control|training|your security|our records|later use|quality and training".split("|"),
    "device": "phone telephone line system speaker microphone recording music volume ringer printer computer light alarm door camera heater radio server".split(),
    "onoff": "on off active enabled disabled ready down up".split(),
    "able": "enabled available active allowed set installed possible supported".split(),
    "feature": "call waiting|call forwarding|do not disturb|caller identification|speed dial|call recording|voice mail|music on hold|night mode|auto answer|call back|three way calling|follow me|call screening".split("|"),
    "trouble": "a technical problem|some trouble|technical difficulties|a problem with the {device}|an error|heavy traffic|high call volume|a bad connection|a power failure".split("|"),
    "minute": "o'clock|thirty|fifteen|forty five|A M|P M|hundred hours|twenty|ten".split("|"),
    "hour": "nine thirty|ten o'clock|twelve thirty|two P M|eight A M|seven forty five|three fifteen|noon|midnight|five o'clock|four P M|eleven A M|six fifty".split("|"),
    "times": "minutes seconds hours days".split(),
    "adj": "cold warm fair hot cloudy windy fine wet dry clear rainy good bad".split(),
}
SENTENCES = """
{subj} {see} the {adj} {noun} | {subj} {see} a {noun} in the {where} | the {noun} is {adj} | the {adj} {noun} was in the {where} | {subj} want to {act} the {noun}
{subj} will {act} the {noun} {when} | can you {act} the {noun} | where is the {noun} | what is the {noun} for | I think the {noun} is very {adj} | we {see} it {when}
it is {adj} and {adj} | the {noun} and the {noun} are in the {where} | do not {act} the {noun} | there is no {noun} in the {where} | this is the {adj} {noun} that {subj} {see}
{subj} have a {noun} for you | they came {when} with a {noun} | how do you {act} a {noun} | ask {subj} about the {noun} | it was a {adj} day in the {where} | he said the {noun} was {adj}
she {see} me {when} and asked for a {noun} | my {noun} is {adj}er than your {noun} | we will go to the {where} {when} | {subj} {see} {d} {noun}s | the {noun} has {n} {noun}s
if you {act} the {noun} they will {act} it too | {subj} never {see} such a {adj} {noun} | why did {subj} {act} the {noun} {when} | the {noun} of the {noun} | {subj} should {act} it {when}
it is very {adj} | not any more | {subj} could not {act} it | who {see} the {noun} {when} | {subj} would rather {act} a {adj} {noun} | let us {act} the {noun} | {adj} {noun} | the {adj} {noun}
"""
WORDS = {
    "subj": "I|you|we|they|people|my friends|the children|many men|some of us|he|she|everyone|the men|our neighbours|the people|both of them".split("|"),
    "see": "see saw found made like know had took gave need left heard wanted called turned kept bought sold watched followed".split(),
    "act": "find open close read write move hear see show take bring change build play start finish follow carry send buy keep make use turn".split(),
    "adj": ("old new small great long good little dark red green blue cold warm quick quiet hard fair kind high low black white deep young "
            "short clean dear rich poor strong light sweet bright full near wild").split(),
    "noun": ("house man woman book river table window door road world country school letter picture story tree dog cat bird horse wall hill fire king "
             "water light hand city car garden name paper room family work music problem question answer idea mother father brother sister ship sea "
             "morning night summer winter voice field stone bridge village train glass bread apple coat chair clock doctor teacher box farmer cloud").split(),
    "where": "morning|evening|house|garden|city|street|room|country|school|river|world|town|office|kitchen|mountains|forest|village|field|market|afternoon|north|south".split("|"),
    "when": ("today|tomorrow|yesterday|now|again|in the morning|at night|every day|next week|last year|before long|after that|once more|"
             "in the end|all day|for a while|at once|on {weekday}|in {month}|too late|soon").split("|"),
}


def lines(table):
    return [c.strip() for line in table.strip().splitlines() for c in line.split("|")]
