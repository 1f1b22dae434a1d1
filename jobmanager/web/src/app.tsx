/** Which page is at which path; the paths are those of Flink's dashboard. */
import { Redirect, Route, Switch } from 'wouter-preact'
import { Page, Shell } from './components/shell'
import { JobPage } from './pages/job'
import { Jobs } from './pages/jobs'
import { JobManagerPage } from './pages/managers/jobmanager'
import { TaskManagerPage } from './pages/managers/taskmanager'
import { TaskManagers } from './pages/managers/taskmanagers'
import { Overview } from './pages/overview'
import { Submit } from './pages/submit'

export function App() {
  return (
    <Shell>
      <Switch>
        <Route path="/"><Redirect to="/overview" replace /></Route>
        <Route path="/overview"><Overview /></Route>
        <Route path="/job/running"><Jobs ended={false} /></Route>
        <Route path="/job/completed"><Jobs ended /></Route>
        <Route path="/job/:list/:job/*?"><JobPage /></Route>
        <Route path="/task-manager"><TaskManagers /></Route>
        <Route path="/task-manager/:id/*?"><TaskManagerPage /></Route>
        <Route path="/job-manager/*?"><JobManagerPage /></Route>
        <Route path="/submit"><Submit /></Route>
        <Route>
          <Page title="There is no such page">
            <p><a href="#/overview">Back to the overview</a></p>
          </Page>
        </Route>
      </Switch>
    </Shell>
  )
}
